/** Base extension: identity and features of the firmware. @spec sbi 4 (v2.0) */
import type { HartApi } from '../../api.ts';
import { A0, type SbiExtension, type SbiResult, low, notSupported, value } from './sbi.ts';

export const SBI_SPEC_VERSION = 0x0200_0000; // 2.0
/** "TESS": not one of the registered implementations. */
const IMPLEMENTATION_ID = 0x5445_5353;
const IMPLEMENTATION_VERSION = 1;
const CSR = { MVENDORID: 0xf11, MARCHID: 0xf12, MIMPID: 0xf13 } as const;

export class BaseExtension implements SbiExtension {
  readonly ids = [0x10];
  readonly #has: (eid: number) => boolean;

  constructor(has: (eid: number) => boolean) {
    this.#has = has;
  }

  call(hart: HartApi, fid: number): SbiResult {
    switch (fid) {
      case 0: return value(SBI_SPEC_VERSION);
      case 1: return value(IMPLEMENTATION_ID);
      case 2: return value(IMPLEMENTATION_VERSION);
      case 3: return value(this.#has(low(hart, A0)) ? 1 : 0);
      case 4: return value(Number(hart.csr(CSR.MVENDORID)));
      case 5: return value(Number(hart.csr(CSR.MARCHID)));
      case 6: return value(Number(hart.csr(CSR.MIMPID)));
      default: return notSupported;
    }
  }
}
