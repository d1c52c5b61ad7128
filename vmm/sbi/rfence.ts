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
export function remoteFence(utcb: Utcb): { fid: number; start: bigint; pages: number; asid: { asid?: bigint } } {
  const fid = unsigned(utcb, A.a6), start = utcb.xBig(A.a2), size = BigInt.asUintN(64, utcb.xBig(A.a3));
  const pages = size > BigInt(MOST_FENCED * PAGE) || size === 0n ? 0 : Number((BigInt.asUintN(12, start) + size + 0xfffn) >> 12n);
  return { fid, start, pages, asid: fid === 2 ? { asid: utcb.xBig(A.a4) & 0xffffn } : {} };
}

export class RfenceExtension implements SbiExtension {
  readonly name = 'rfence';
  readonly ids = [0x5246_4e43]; // "RFNC"

  call(call: SbiCall): SbiAnswer {
    if (call.fid > LAST) return notSupported;
    const cpus = maskedCpus(call, A.a0, A.a1);
    if (!cpus) return invalidParam;
    if (cpus.length > 0) call.wait = 'fence';
    return success;
  }
}
