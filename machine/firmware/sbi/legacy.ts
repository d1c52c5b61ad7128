/**
 * The legacy calls of SBI 0.1: one extension number each, no function number, and only a0 comes back.
 * The calls with hart masks in memory (send_ipi, remote fences) are left out: every kernel that uses them also knows their replacements.
 * @spec sbi 5 (v2.0)
 */
import type { HartApi } from '../../api.ts';
import type { CharBackend } from '../../devices/device.ts';
import type { FirmwareHost } from '../host.ts';
import { A0, type SbiExtension, type SbiResult, failure, low, notSupported, success } from './sbi.ts';
import type { TimeExtension } from './time.ts';

const CALL = { SET_TIMER: 0, PUTCHAR: 1, GETCHAR: 2, CLEAR_IPI: 3, SHUTDOWN: 8 } as const;
/** Calls of extensions up to this number do not change a1. */
export const LAST_LEGACY = 8;
const SSIP = 1;

export class LegacyExtension implements SbiExtension {
  readonly ids = Object.values(CALL);
  readonly #host: FirmwareHost;
  readonly #console: CharBackend;
  readonly #time: TimeExtension;

  constructor(host: FirmwareHost, console: CharBackend, time: TimeExtension) {
    this.#host = host;
    this.#console = console;
    this.#time = time;
  }

  call(hart: HartApi, _fid: number, eid: number): SbiResult {
    switch (eid) {
      case CALL.SET_TIMER: this.#time.set(hart); return success;
      case CALL.PUTCHAR: this.#console.output(low(hart, A0) & 0xff); return success;
      case CALL.GETCHAR: return failure(this.#console.take(1)[0] ?? -1); // the character takes the place of the error
      case CALL.CLEAR_IPI: this.#host.setPending(hart.id, SSIP, false); return success;
      case CALL.SHUTDOWN: this.#host.stop({ kind: 'poweroff', code: 0 }); return success;
      default: return notSupported;
    }
  }
}
