/** Base extension: which SBI this is, and which extensions it has. @spec sbi 4 (v2.0) */
import { A, type SbiAnswer, type SbiCall, type SbiExtension, notSupported, unsigned, value } from './sbi.ts';

const VERSION_2_0 = 2 << 24;
/** Not in the list of the specification: an implementation of its own. */
const IMPLEMENTATION = 0x7e55, IMPLEMENTATION_VERSION = 1;

export class BaseExtension implements SbiExtension {
  readonly name = 'base';
  readonly ids = [0x10];
  readonly #has: (extension: number) => boolean;
  constructor(has: (extension: number) => boolean) { this.#has = has; }

  call(call: SbiCall): SbiAnswer {
    switch (call.fid) {
      case 0: return value(VERSION_2_0);
      case 1: return value(IMPLEMENTATION);
      case 2: return value(IMPLEMENTATION_VERSION);
      case 3: return value(Number(this.#has(unsigned(call.utcb, A.a0))));
      case 4: case 5: case 6: return value(0); // mvendorid, marchid, mimpid
      default: return notSupported;
    }
  }
}
