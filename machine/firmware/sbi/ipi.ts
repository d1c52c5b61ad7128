/** IPI extension: supervisor software interrupts to other harts. @spec sbi 7 (v2.0) */
import type { HartApi } from '../../api.ts';
import type { FirmwareHost } from '../host.ts';
import { A0, A1, type SbiExtension, type SbiResult, hartMask, invalidParam, notSupported, success } from './sbi.ts';

const SSIP = 1;

export class IpiExtension implements SbiExtension {
  readonly ids = [0x73_5049]; // "sPI"
  readonly #host: FirmwareHost;

  constructor(host: FirmwareHost) {
    this.#host = host;
  }

  call(hart: HartApi, fid: number): SbiResult {
    if (fid !== 0) return notSupported;
    const targets = hartMask(hart, A0, A1, this.#host.harts.length);
    if (targets === undefined) return invalidParam;
    for (const target of targets) this.#host.setPending(target, SSIP, true);
    return success;
  }
}
