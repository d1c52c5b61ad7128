/** IPI extension: supervisor software interrupts to other harts. @spec sbi 7 (v2.0) */
import type { HartApi } from '../../api.ts';
import type { FirmwareHost } from '../host.ts';
import { FirmwareEvent, type FirmwareCounts } from './pmu.ts';
import { A0, A1, type SbiExtension, type SbiResult, hartMask, invalidParam, notSupported, success } from './sbi.ts';

const SSIP = 1;

export class IpiExtension implements SbiExtension {
  readonly ids = [0x73_5049]; // "sPI"
  readonly #host: FirmwareHost;
  readonly #counts: FirmwareCounts;

  constructor(host: FirmwareHost, counts: FirmwareCounts) {
    this.#host = host;
    this.#counts = counts;
  }

  call(hart: HartApi, fid: number): SbiResult {
    if (fid !== 0) return notSupported;
    const targets = hartMask(hart, A0, A1, this.#host.harts.length);
    if (targets === undefined) return invalidParam;
    for (const target of targets) {
      this.#counts.sent(hart.id, FirmwareEvent.IPI_SENT, target);
      this.#host.setPending(target, SSIP, true);
    }
    return success;
  }
}
