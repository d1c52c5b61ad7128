/**
 * HSM extension: starting and stopping harts.
 *
 *   STOPPED ── hart_start ──► STARTED ── hart_stop ──► STOPPED
 *                             STARTED ── hart_suspend ──► SUSPENDED ── interrupt ──► STARTED
 *
 * A retentive suspend continues after the call; a non-retentive one restarts at the given address.
 *
 * @spec sbi 9 (v2.0)
 */
import type { HartApi } from '../../api.ts';
import type { FirmwareHost } from '../host.ts';
import {
  A0, A1, A2, SbiError, type SbiExtension, type SbiResult, failure, invalidAddress, invalidParam, low, notSupported, success, unsigned,
  value
} from './sbi.ts';

const STATE = { STARTED: 0, STOPPED: 1, SUSPENDED: 4 } as const;
const SUSPEND = { RETENTIVE: 0, NON_RETENTIVE: 0x8000_0000 } as const;

export class HsmExtension implements SbiExtension {
  readonly ids = [0x48_534d]; // "HSM"
  readonly #host: FirmwareHost;
  readonly #state: number[];
  /** Its last wait was a suspend, not `wfi`. */
  readonly #suspended: boolean[];

  constructor(host: FirmwareHost) {
    this.#host = host;
    this.#state = host.harts.map(() => STATE.STOPPED);
    this.#suspended = host.harts.map(() => false);
  }

  call(hart: HartApi, fid: number): SbiResult | undefined {
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
    this.#suspended[hart] = false;
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
    if (target >= this.#state.length) return invalidParam;
    return value(this.#state[target] === STATE.STARTED && this.#suspended[target] && this.#host.waits(target)
      ? STATE.SUSPENDED
      : this.#state[target]);
  }

  /** suspend_type, resume_addr, opaque. Platforms may define more types than the two defaults; this one defines none. */
  #suspend(hart: HartApi): SbiResult | undefined {
    const type = low(hart, A0);
    if (type !== SUSPEND.RETENTIVE && type !== SUSPEND.NON_RETENTIVE)
      return (type & 0x7fff_ffff) >= 0x1000_0000 ? notSupported : invalidParam;
    if (type === SUSPEND.NON_RETENTIVE) {
      if (!this.#host.memory.isRam(unsigned(hart, A1), 4)) return invalidAddress;
      this.sleep(hart, hart.x[A1], hart.x[A2]);
      return undefined;
    }
    this.#suspended[hart.id] = true;
    this.#host.wait(hart.id);
    return success;
  }

  /** The hart waits for an interrupt, and then restarts at `pc`. */
  sleep(hart: HartApi, pc: bigint, opaque: bigint): void {
    this.begin(hart.id, pc, opaque);
    this.#suspended[hart.id] = true;
    this.#host.wait(hart.id);
  }

  onlyOneRuns(hart: number): boolean {
    return this.#state.every((state, other) => other === hart || state === STATE.STOPPED);
  }
}
