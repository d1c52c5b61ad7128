/**
 * RFENCE extension: fences on other vCPUs. The kernel makes every hart drop its caches of this VM at once; so a finer range or
 * address space in the arguments needs no look. @spec sbi 8 (v2.0)
 */
import { A, type SbiAnswer, type SbiCall, type SbiExtension, invalidParam, maskedCpus, notSupported, success } from './sbi.ts';

/** fence.i, sfence.vma, sfence.vma with ASID; the hfence calls are for guests with the H extension, which ours do not have. */
const LAST = 2;

export class RfenceExtension implements SbiExtension {
  readonly name = 'rfence';
  readonly ids = [0x5246_4e43]; // "RFNC"

  call(c: SbiCall): SbiAnswer {
    if (c.fid > LAST) return notSupported;
    const cpus = maskedCpus(c, A.a0, A.a1);
    if (!cpus) return invalidParam;
    if (cpus.length > 0) c.wait = 'fence';
    return success;
  }
}
