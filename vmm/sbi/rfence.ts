/**
 * RFENCE extension: fences on other vCPUs. The kernel makes every hart drop its caches of this VM at once, so the range and address space
 * in the arguments do not matter. @spec sbi 8 (v2.0)
 */
import type { Utcb } from '../../microkernel/abi/index.ts';
import { A, type SbiAnswer, type SbiCall, type SbiExtension, invalidParam, maskedCpus, notSupported, success, unsigned } from './sbi.ts';

/** fence.i, sfence.vma, sfence.vma with ASID; the hfence calls are for guests with the H extension, which ours do not have. */
const LAST = 2;

/** More pages than this are all of them. */
const MOST_FENCED = 64, PAGE = 4096;
/** The subject of a remote fence: code (0), a range, a range in one address space. No pages: all of them. @spec sbi 8 */
export function remoteFence(u: Utcb): { fid: number; start: bigint; pages: number; asid: { asid?: bigint } } {
  const fid = unsigned(u, A.a6), start = u.xBig(A.a2), size = BigInt.asUintN(64, u.xBig(A.a3));
  const pages = size > BigInt(MOST_FENCED * PAGE) || size === 0n ? 0 : Number((BigInt.asUintN(12, start) + size + 0xfffn) >> 12n);
  return { fid, start, pages, asid: fid === 2 ? { asid: u.xBig(A.a4) & 0xffffn } : {} };
}

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
