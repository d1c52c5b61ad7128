/** SRST extension: power off, reboot. @spec sbi 10 (v2.0) */
import type { HartApi } from '../../api.ts';
import type { FirmwareHost } from '../host.ts';
import { A0, A1, type SbiExtension, type SbiResult, invalidParam, low, notSupported, success } from './sbi.ts';

const TYPE = { SHUTDOWN: 0, COLD_REBOOT: 1, WARM_REBOOT: 2 } as const;
const REASON = { NONE: 0, SYSTEM_FAILURE: 1 } as const;

export class SrstExtension implements SbiExtension {
  readonly ids = [0x5352_5354]; // "SRST"
  readonly #host: FirmwareHost;

  constructor(host: FirmwareHost) {
    this.#host = host;
  }

  call(hart: HartApi, fid: number): SbiResult {
    if (fid !== 0) return notSupported;
    const type = low(hart, A0);
    const reason = low(hart, A1);
    if (type > TYPE.WARM_REBOOT || reason > REASON.SYSTEM_FAILURE) return invalidParam;
    const code = reason === REASON.NONE ? 0 : 1;
    this.#host.stop({ kind: type === TYPE.SHUTDOWN ? 'poweroff' : 'reset', code });
    return success;
  }
}
