/** TIME extension: the supervisor timer. @spec sbi 6 (v2.0) */
import type { HartApi, TimerHandle } from '../../api.ts';
import type { FirmwareHost } from '../host.ts';
import { FirmwareEvent, type FirmwareCounts } from './pmu.ts';
import { A0, type SbiExtension, type SbiResult, notSupported, success, unsigned } from './sbi.ts';

export const TIME_ID = 0x5449_4d45; // "TIME"
const STIP = 5;
const CSR_STIMECMP = 0x14d;

export class TimeExtension implements SbiExtension {
  readonly ids = [TIME_ID];
  readonly #host: FirmwareHost;
  readonly #counts: FirmwareCounts;
  readonly #sstc: boolean;
  readonly #timers: (TimerHandle | undefined)[];

  /** With Sstc the hart has a comparator of its own, and the call writes it. */
  constructor(host: FirmwareHost, counts: FirmwareCounts, sstc: boolean) {
    this.#host = host;
    this.#counts = counts;
    this.#sstc = sstc;
    this.#timers = host.harts.map(() => undefined);
  }

  call(hart: HartApi, fid: number): SbiResult {
    if (fid !== 0) return notSupported;
    this.set(hart);
    return success;
  }

  /** Arms the timer at the tick in a0, and clears what is pending. */
  set(hart: HartApi): void {
    this.#counts.count(hart.id, FirmwareEvent.SET_TIMER);
    if (this.#sstc) hart.setCsr(CSR_STIMECMP, BigInt.asUintN(64, hart.x[A0]));
    else this.#arm(hart.id, this.#host.cycleOfTick(unsigned(hart, A0)));
  }

  #arm(hart: number, cycle: number): void {
    this.#timers[hart]?.cancel();
    this.#timers[hart] = undefined;
    this.#host.setPending(hart, STIP, cycle <= this.#host.events.now);
    if (cycle <= this.#host.events.now || cycle > Number.MAX_SAFE_INTEGER) return;
    this.#timers[hart] = this.#host.events.at(cycle, () => this.#host.setPending(hart, STIP, true));
  }
}
