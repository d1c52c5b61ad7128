/** The calls that change the areas of an address space: map, unmap, protect, move, brk, advise. All answer ≥ 0 or -errno. */
import { E } from '../abi/errno.ts';
import { Map_, PAGE, Prot } from '../abi/linux.ts';
import { Access, Fault, MMAP_TOP, TASK_SIZE, errnoOfFault, type Mm } from './mm.ts';
import { Pte, makePte, pteFrame } from './pagetable.ts';
import { Vma, type Mappable } from './vma.ts';

export const roundUp = (n: number): number => Math.ceil(n / PAGE) * PAGE;
const MIN_ADDRESS = 0x1_0000;

export interface MapRequest {
  at: number; length: number; prot: number; flags: number;
  object?: Mappable; first?: number; name?: string; mayWrite?: boolean;
}

/** Highest free range of `length` bytes below the mmap top. 0 = none. */
export function findFree(mm: Mm, length: number, top = MMAP_TOP): number {
  const list = mm.areas.list;
  let end = top;
  for (let i = list.length - 1; i >= 0; i--) {
    const v = list[i]!;
    if (v.start >= end) continue;
    if (v.end <= end && end - v.end >= length) break;
    end = Math.min(end, v.start - (v.growsDown ? 0x100_0000 : 0));
  }
  return end - length >= MIN_ADDRESS ? end - length : 0;
}

const occupied = (mm: Mm, start: number, end: number): boolean => { const v = mm.areas.above(start); return v !== undefined && v.start < end; };

/** Chooses the address of a new mapping, or -errno. */
function place(mm: Mm, r: MapRequest, length: number): number {
  if (r.flags & (Map_.FIXED | Map_.FIXED_NOREPLACE)) {
    if (r.at % PAGE !== 0) return -E.INVAL;
    if (r.at < 0 || r.at + length > TASK_SIZE) return -E.NOMEM;
    if (r.flags & Map_.FIXED_NOREPLACE && occupied(mm, r.at, r.at + length)) return -E.EXIST;
    return r.at;
  }
  const hint = roundUp(r.at);
  if (hint >= MIN_ADDRESS && hint + length <= MMAP_TOP && !occupied(mm, hint, hint + length)) return hint;
  return findFree(mm, length) || -E.NOMEM;
}

export function mapArea(mm: Mm, r: MapRequest): number {
  const length = roundUp(r.length);
  if (!(length > 0)) return -E.INVAL;
  if (length > TASK_SIZE) return -E.NOMEM;
  const at = place(mm, r, length);
  if (at < 0) return at;
  const shared = (r.flags & Map_.TYPE) !== Map_.PRIVATE;
  if (!shared && (r.prot & Prot.WRITE) && !(r.flags & Map_.NORESERVE) && length > mm.frames.total * PAGE * 2) return -E.NOMEM;
  unmap(mm, at, length);
  const area = new Vma(mm, at, at + length, r.prot & 7, shared, r.object, r.first ?? 0, r.name ?? '');
  area.growsDown = (r.flags & Map_.GROWSDOWN) !== 0;
  area.mayWrite = r.mayWrite ?? true;
  mm.areas.insert(area);
  if (r.flags & Map_.POPULATE) for (let va = at; va < at + length; va += PAGE) if (mm.touch(va, r.prot & Prot.WRITE ? Access.write : Access.read) !== Fault.none) break;
  return at;
}

export function unmap(mm: Mm, at: number, length: number): number {
  const end = at + roundUp(length);
  if (at % PAGE !== 0 || !(length > 0) || at < 0 || end > TASK_SIZE) return -E.INVAL;
  if (!occupied(mm, at, end)) return 0;
  mm.zap(at, end);
  mm.areas.remove(at, end);
  return 0;
}

/** Whether areas cover all of [at, end). */
function covered(mm: Mm, at: number, end: number): boolean {
  for (let va = at; va < end; ) {
    const v = mm.areas.find(va);
    if (!v) return false;
    va = v.end;
  }
  return true;
}

export function protect(mm: Mm, at: number, length: number, prot: number): number {
  const end = at + roundUp(length);
  if (at % PAGE !== 0 || prot & ~(7 | Prot.GROWSDOWN)) return -E.INVAL;
  if (end <= at) return end < at ? -E.NOMEM : 0;
  if (end > TASK_SIZE || !covered(mm, at, end)) return -E.NOMEM;
  const inside = mm.areas.isolate(at, end);
  if (prot & Prot.WRITE && inside.some((v) => v.shared && !v.mayWrite)) { mm.areas.merge(at, end); return -E.ACCES; }
  for (const v of inside) {
    if (v.prot === (prot & 7)) continue;
    v.prot = prot & 7;
    mm.table.update(v.start / PAGE, v.end / PAGE, (vpn, pte) => {
      mm.owe(vpn, vpn + 1, 7, pte);
      let next = pte & ~(Pte.MAPPED | Pte.NONE);
      if (!(prot & Prot.WRITE)) next &= ~Pte.W;
      if ((prot & 7) === 0) next |= Pte.NONE;
      return next;
    });
  }
  mm.areas.merge(at, end);
  return 0;
}

const MREMAP_MAYMOVE = 1, MREMAP_FIXED = 2, MREMAP_DONTUNMAP = 4;

export function remap(mm: Mm, at: number, oldLength: number, newLength: number, flags: number, newAt: number): number {
  const old = roundUp(oldLength), wanted = roundUp(newLength);
  if (at % PAGE !== 0 || wanted === 0 || flags & ~7 || (flags & MREMAP_FIXED && !(flags & MREMAP_MAYMOVE))) return -E.INVAL;
  const area = mm.areas.find(at);
  if (!area) return -E.FAULT;
  if (flags & MREMAP_FIXED) {
    if (newAt % PAGE !== 0 || newAt + wanted > TASK_SIZE || (newAt < at + old && at < newAt + wanted)) return -E.INVAL;
    unmap(mm, newAt, wanted);
    return move(mm, at, Math.min(old, wanted), newAt, wanted, flags);
  }
  if (old === 0 && !area.shared) return -E.INVAL;
  if (at + old > area.end) return -E.FAULT;
  if (wanted <= old) { if (wanted < old) unmap(mm, at + wanted, old - wanted); return at; }
  if (at + old === area.end && at + wanted <= MMAP_TOP && !occupied(mm, area.end, at + wanted)) { extend(mm, area, at + wanted); return at; }
  if (!(flags & MREMAP_MAYMOVE)) return -E.NOMEM;
  const to = findFree(mm, wanted);
  return to === 0 ? -E.NOMEM : move(mm, at, old, to, wanted, flags);
}

function extend(mm: Mm, area: Vma, end: number): void {
  const more = new Vma(mm, area.end, end, area.prot, area.shared, area.object, area.pageOf(area.end / PAGE), area.name);
  more.mayWrite = area.mayWrite;
  mm.areas.insert(more);
}

function move(mm: Mm, at: number, old: number, to: number, length: number, flags: number): number {
  const [area] = mm.areas.isolate(at, at + Math.max(old, PAGE));
  if (!area) return -E.FAULT;
  const next = new Vma(mm, to, to + length, area.prot, area.shared, area.object, area.first, area.name);
  next.mayWrite = area.mayWrite;
  const shift = (to - at) / PAGE;
  mm.table.update(at / PAGE, (at + old) / PAGE, (vpn, pte) => {
    mm.owe(vpn, vpn + 1, 7, pte);
    mm.table.set(vpn + shift, pte & ~Pte.MAPPED);
    return 0;
  });
  mm.areas.insert(next);
  if (!(flags & MREMAP_DONTUNMAP) && old > 0) mm.areas.remove(at, at + old);
  return to;
}

/** Sets the end of the heap; answers the end as it is now, which is the old one if that cannot be. */
export function setBrk(mm: Mm, end: number): number {
  if (end < mm.brkStart || end >= MMAP_TOP || end - mm.brkStart > mm.dataLimit) return mm.brk;
  const old = roundUp(mm.brk), next = roundUp(end);
  if (next > old) {
    if (occupied(mm, old, next) || next - old > mm.frames.total * PAGE * 2) return mm.brk;
    mm.areas.insert(new Vma(mm, old, next, Prot.READ | Prot.WRITE, false, undefined, 0, '[heap]'));
  } else if (next < old) unmap(mm, next, old - next);
  return mm.brk = end;
}

const Advice = { DONTNEED: 4, FREE: 8, REMOVE: 9, DONTFORK: 10, DOFORK: 11, WIPEONFORK: 18, KEEPONFORK: 19, POPULATE_READ: 22, POPULATE_WRITE: 23, DONTNEED_LOCKED: 24 } as const;
const HINTS = new Set([0, 1, 2, 3, 12, 13, 14, 15, 16, 17, 20, 21, 25]);

export function advise(mm: Mm, at: number, length: number, advice: number): number {
  const end = at + roundUp(length);
  if (at % PAGE !== 0 || end < at) return -E.INVAL;
  if (HINTS.has(advice)) return 0;
  switch (advice) {
    case Advice.DONTNEED: case Advice.FREE: case Advice.DONTNEED_LOCKED: mm.zap(at, end); break;
    case Advice.DONTFORK: case Advice.DOFORK: case Advice.WIPEONFORK: case Advice.KEEPONFORK:
      for (const v of mm.areas.isolate(at, end)) v.fork = advice === Advice.DONTFORK ? 'none' : advice === Advice.WIPEONFORK ? 'wipe' : 'copy';
      mm.areas.merge(at, end);
      break;
    case Advice.POPULATE_READ: case Advice.POPULATE_WRITE:
      for (let va = at; va < end; va += PAGE) { const f = mm.touch(va, advice === Advice.POPULATE_WRITE ? Access.write : Access.read); if (f) return errnoOfFault(f); }
      return 0;
    default: return -E.INVAL;
  }
  return covered(mm, at, end) ? 0 : -E.NOMEM;
}

/** Puts bytes into a fresh private page of its own at `va` (which has an area): for stacks and trampolines that the server fills. */
export function fillPage(mm: Mm, va: number, bytes: Uint8Array): boolean {
  const pfn = mm.frames.alloc();
  if (pfn === 0) return false;
  mm.frames.page(pfn).set(bytes);
  const old = mm.table.get(va / PAGE);
  if (old) mm.frames.unref(pteFrame(old));
  mm.table.set(va / PAGE, makePte(pfn, 0));
  return true;
}
