/**
 * SUSP extension: the whole system sleeps with its memory kept, until an interrupt that the last hart has enabled. On this machine the last
 * hart waits, and then restarts at the given address.
 * @spec sbi 13 (v2.0)
 */
import type { HartApi } from '../../api.ts';
import type { FirmwareHost } from '../host.ts';
import type { HsmExtension } from './hsm.ts';
import {
  A0, A1, A2, SbiError, type SbiExtension, type SbiResult, failure, invalidAddress, invalidParam, low, notSupported, unsigned
} from './sbi.ts';

const SUSPEND_TO_RAM = 0;

export class SuspExtension implements SbiExtension {
  readonly ids = [0x5355_5350]; // "SUSP"
  readonly #host: FirmwareHost;
  readonly #hsm: HsmExtension;

  constructor(host: FirmwareHost, hsm: HsmExtension) {
    this.#host = host;
    this.#hsm = hsm;
  }

  /** sleep_type (32 bits), resume_addr, opaque. Every other hart has to be stopped. */
  call(hart: HartApi, fid: number): SbiResult | undefined {
    if (fid !== 0) return notSupported;
    if (low(hart, A0) !== SUSPEND_TO_RAM) return invalidParam;
    if (!this.#host.memory.isRam(unsigned(hart, A1), 4)) return invalidAddress;
    if (!this.#hsm.onlyOneRuns(hart.id)) return failure(SbiError.DENIED);
    this.#hsm.sleep(hart, hart.x[A1], hart.x[A2]);
    return undefined;
  }
}
