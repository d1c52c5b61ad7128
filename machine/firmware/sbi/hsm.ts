/**
 * HSM extension: starting and stopping harts.
 *
 *   STOPPED ── hart_start ──► STARTED ── hart_stop ──► STOPPED
 *                             STARTED ── hart_suspend (retentive) ──► waits, and comes back by itself
 *
 * @spec sbi 9 (v2.0)
 */
import type { HartApi } from '../../api.ts';
import type { FirmwareHost } from '../host.ts';
import { A0, A1, A2, SbiError, type SbiExtension, type SbiResult, failure, invalidAddress, invalidParam, low, notSupported, success, unsigned, value } from './sbi.ts';

const STATE = { STARTED: 0, STOPPED: 1 } as const;
const RETENTIVE = 0;

export class HsmExtension implements SbiExtension {
  readonly ids = [0x48_534d]; // "HSM"
  readonly #host: FirmwareHost;
  readonly #state: number[];

  constructor(host: FirmwareHost) {
    this.#host = host;
    this.#state = host.harts.map(() => STATE.STOPPED);
  }

  call(hart: HartApi, fid: number): SbiResult {
    switch (fid) {
      case 0: return this.#start(hart);
      case 1: return this.#stop(hart);
      case 2: return this.#status(unsigned(hart, A0));
      case 3: return this.#suspend(hart);
      default: return notSupported;
    }
  }

  /** Starts a hart in S mode; also how the boot hart begins. */
  begin(hart: number, pc: bigint, opaque: bigint): void {
    this.#state[hart] = STATE.STARTED;
    this.#host.start(hart, pc, opaque);
  }

  #start(hart: HartApi): SbiResult {
    const target = unsigned(hart, A0);
    if (target >= this.#state.length) return invalidParam;
    if (this.#state[target] === STATE.STARTED) return failure(SbiError.ALREADY_AVAILABLE);
    if (!this.#host.memory.isRam(unsigned(hart, A1), 4)) return invalidAddress;
    this.begin(target, hart.x[A1], hart.x[A2]);
    return success;
  }

  #stop(hart: HartApi): SbiResult {
    this.#state[hart.id] = STATE.STOPPED;
    this.#host.park(hart.id);
    return success;
  }

  #status(target: number): SbiResult {
    return target < this.#state.length ? value(this.#state[target]) : invalidParam;
  }

  #suspend(hart: HartApi): SbiResult {
    if (low(hart, A0) !== RETENTIVE) return notSupported;
    this.#host.wait(hart.id);
    return success;
  }
}
