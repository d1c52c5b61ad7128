/** The calls that change the areas of an address space: map, unmap, protect, move, brk, advise. All return ≥ 0 or -errno. */
import { E } from '../abi/errno.ts';
import { Map_, PAGE, Prot } from '../abi/linux.ts';
import { NotHere } from '../kernel/later.ts';
import { Access, Fault, MMAP_TOP, TASK_SIZE, type Mm } from './mm.ts';
import { Pte } from './pagetable.ts';
import { Vma, type Mappable } from './vma.ts';

export const roundUp = (n: number): number => Math.ceil(n / PAGE) * PAGE;
const MIN_ADDRESS = 0x1_0000;

export interface MapRequest {
  at: number; length: number; prot: number; flags: number;
  object?: Mappable; first?: number; name?: string; mayWrite?: boolean;
}

/** Highest free range of `length` bytes below the mmap top. 0 = none. */
export function findFree(mm: Mm, length: number, top = MMAP_TOP): number {
  const { areas } = mm, list = areas.list, pages = length / PAGE, from = areas.searchFrom(pages, top);
  let end = from;
  for (let i = Math.min(areas.indexAbove(from), list.length - 1); i >= 0; i--) {
    const vma = list[i]!;
    if (vma.start >= end) continue;
    if (vma.end <= end && end - vma.end >= length) break;
    end = Math.min(end, vma.start - (vma.growsDown ? 0x100_0000 : 0));
  }
  if (top === MMAP_TOP && end < from) areas.foundNothingAbove(pages, end);
  return end - length >= MIN_ADDRESS ? end - length : 0;
}

const occupied = (mm: Mm, start: number, end: number): boolean => {
  const vma = mm.areas.above(start);
  return vma !== undefined && vma.start < end;
};

/** Chooses the address of a new mapping, or -errno. */
function place(mm: Mm, mapRequest: MapRequest, length: number): number {
  if (mapRequest.flags & (Map_.FIXED | Map_.FIXED_NOREPLACE)) {
    if (mapRequest.at % PAGE !== 0) return -E.INVAL;
    if (mapRequest.at < 0 || mapRequest.at + length > TASK_SIZE) return -E.NOMEM;
    if (mapRequest.flags & Map_.FIXED_NOREPLACE && occupied(mm, mapRequest.at, mapRequest.at + length)) return -E.EXIST;
    return mapRequest.at;
  }
  const low = mapRequest.at - (mapRequest.at % PAGE), hint = low > 0 ? Math.max(low, MIN_ADDRESS) : 0;
  if (hint >= MIN_ADDRESS && hint + length <= MMAP_TOP && !occupied(mm, hint, hint + length)) return hint;
  return findFree(mm, length) || -E.NOMEM;
}

/** Whether the space may grow by `bytes`: RLIMIT_AS, and RLIMIT_DATA for private writable memory. */
export const mayGrow = (mm: Mm, bytes: number, data: boolean): boolean =>
  (mm.spaceLimit === Infinity || mm.size + bytes <= mm.spaceLimit)
    && (!data || mm.dataLimit === Infinity || mm.data + bytes <= mm.dataLimit);
/** Whether an area of [at, end) is sealed. */
function sealed(mm: Mm, at: number, end: number): boolean {
  for (let i = mm.areas.indexAbove(at); i < mm.areas.list.length && mm.areas.list[i]!.start < end; i++)
    if (mm.areas.list[i]!.sealed) return true;
  return false;
}
/** Makes the pages of [at, end) present, for reading or for writing as their area allows. 0 or the first failure. */
export function populate(mm: Mm, at: number, end: number): Fault {
  for (let va = at; va < end; va += PAGE) {
    const vma = mm.areas.find(va),
      fault = vma ? mm.touch(va, vma.prot & Prot.WRITE && !vma.shared ? Access.write : Access.read) : Fault.mapErr;
    if (fault !== Fault.none) return fault;
  }
  return Fault.none;
}

export function mapArea(mm: Mm, mapRequest: MapRequest): number {
  const length = roundUp(mapRequest.length);
  if (!(length > 0)) return -E.INVAL;
  if (length > TASK_SIZE) return -E.NOMEM;
  const at = place(mm, mapRequest, length);
  if (at < 0) return at;
  const shared = (mapRequest.flags & Map_.TYPE) !== Map_.PRIVATE;
  if (mapRequest.flags & Map_.FIXED && sealed(mm, at, at + length)) return -E.PERM;
  if (mm.mdwe && (mapRequest.prot & (Prot.WRITE | Prot.EXEC)) === (Prot.WRITE | Prot.EXEC)) return -E.ACCES;
  if (!mayGrow(mm, length, !shared && (mapRequest.prot & Prot.WRITE) !== 0)) return -E.NOMEM;
  if (!shared && (mapRequest.prot & Prot.WRITE) && !(mapRequest.flags & Map_.NORESERVE) && length > mm.frames.promise) return -E.NOMEM;
  unmap(mm, at, length);
  const area = new Vma(mm, at, at + length, mapRequest.prot & 7, shared, mapRequest.object, mapRequest.first ?? 0, mapRequest.name ?? '');
  area.growsDown = (mapRequest.flags & Map_.GROWSDOWN) !== 0;
  area.mayWrite = mapRequest.mayWrite ?? true;
  area.locked = mapRequest.flags & Map_.LOCKED ? 1 : mm.lockFuture;
  const lock = area.locked === 1 && mapRequest.prot !== 0;
  mm.areas.insert(area);
  if (mapRequest.flags & Map_.POPULATE || lock) populateHere(mm, at, at + length);
  return at;
}

/** Makes pages present as far as that needs no waiting. */
function populateHere(mm: Mm, at: number, end: number): void {
  try { populate(mm, at, end); } catch (e) { if (!(e instanceof NotHere)) throw e; }
}
export function unmap(mm: Mm, at: number, length: number): number {
  const end = at + roundUp(length);
  if (at % PAGE !== 0 || !(length > 0) || at < 0 || end > TASK_SIZE) return -E.INVAL;
  if (!occupied(mm, at, end)) return 0;
  if (sealed(mm, at, end)) return -E.PERM;
  mm.zap(at, end);
  mm.areas.remove(at, end);
  return 0;
}

/** Whether areas cover all of [at, end). */
function covered(mm: Mm, at: number, end: number): boolean {
  for (let va = at; va < end; ) {
    const vma = mm.areas.find(va);
    if (!vma) return false;
    va = vma.end;
  }
  return true;
}

export function protect(mm: Mm, at: number, length: number, protArg: number): number {
  const grows = protArg & (Prot.GROWSDOWN | Prot.GROWSUP), prot = protArg & ~grows;
  if (grows === (Prot.GROWSDOWN | Prot.GROWSUP) || at % PAGE !== 0) return -E.INVAL;
  if (length === 0) return 0;
  let start = at;
  const end = at + roundUp(length), first = mm.areas.above(at);
  if (end <= at || length < 0) return -E.NOMEM;
  if (prot & ~(7 | Prot.SEM)) return -E.INVAL;
  if (!first) return -E.NOMEM;
  if (grows) {
    if (grows === Prot.GROWSDOWN && first.start >= end) return -E.NOMEM;
    if (grows !== Prot.GROWSDOWN || !first.growsDown) return -E.INVAL;
    start = first.start;
  } else if (first.start > at) return -E.NOMEM;
  if (sealed(mm, start, end)) return -E.PERM;
  return protectPieces(mm, start, end, prot & 7);
}
/** Changes area after area; areas before a hole, or before an area that must not have these rights, stay changed. */
function protectPieces(mm: Mm, start: number, end: number, prot: number): number {
  let va = start, result = 0;
  for (const vma of mm.areas.isolate(start, end)) {
    if (vma.start > va) { result = -E.NOMEM; break; }
    const gains = mm.mdwe !== 0 && (prot & Prot.EXEC) !== 0 && (vma.prot & Prot.EXEC) === 0;
    if (gains || (prot & Prot.WRITE && vma.shared && !vma.mayWrite)) { result = -E.ACCES; break; }
    if (vma.prot !== prot) protectArea(mm, vma, prot);
    va = vma.end;
  }
  mm.areas.merge(start, end);
  return result || (va < end ? -E.NOMEM : 0);
}
function protectArea(mm: Mm, vma: Vma, prot: number): void {
  vma.prot = prot;
  mm.frames.work.found();
  mm.table.update(vma.start / PAGE, vma.end / PAGE, (vpn, pte) => {
    mm.owe(vpn, vpn + 1, 7, pte);
    let next = pte & ~(Pte.MAPPED | Pte.NONE);
    if (!(prot & Prot.WRITE)) next &= ~Pte.W;
    if (prot === 0) next |= Pte.NONE;
    return next;
  });
}

const Mremap = { MAYMOVE: 1, FIXED: 2, DONTUNMAP: 4 } as const;

export function remap(mm: Mm, at: number, oldLength: number, newLength: number, flags: number, newAt: number): number {
  const old = roundUp(oldLength), wanted = roundUp(newLength), move_ = (flags & Mremap.MAYMOVE) !== 0,
    keep = (flags & Mremap.DONTUNMAP) !== 0;
  if (flags & ~7 || (flags & (Mremap.FIXED | Mremap.DONTUNMAP) && !move_) || (keep && (oldLength !== newLength || old === 0)))
    return -E.INVAL;
  if (at % PAGE !== 0 || !(wanted > 0)) return -E.INVAL;
  const area = mm.areas.find(at);
  if (!area) return -E.FAULT;
  if (flags & (Mremap.FIXED | Mremap.DONTUNMAP)) return remapTo(mm, area, at, old, wanted, flags, newAt);
  if (sealed(mm, at, at + Math.max(old, PAGE))) return -E.PERM;
  if (wanted <= old && old > 0) { const result = wanted < old ? unmap(mm, at + wanted, old - wanted) : 0; return result || at; }
  if (old === 0 && !area.shared) return -E.INVAL;
  if (at + old > area.end) return -E.FAULT;
  if (wanted > TASK_SIZE || !mayGrow(mm, wanted - old, !area.shared && (area.prot & Prot.WRITE) !== 0)) return -E.NOMEM;
  if (old > 0 && at + old === area.end && at + wanted <= MMAP_TOP
      && !occupied(mm, area.end, at + wanted)) { extend(mm, area, at + wanted); return at; }
  if (!move_) return -E.NOMEM;
  const to = findFree(mm, wanted);
  return to === 0 ? -E.NOMEM : move(mm, at, old, to, wanted, keep);
}
/** MREMAP_FIXED and MREMAP_DONTUNMAP; the latter may let the server choose the address. */
function remapTo(mm: Mm, area: Vma, at: number, old: number, wanted: number, flags: number, newAt: number): number {
  const fixed = (flags & Mremap.FIXED) !== 0, keep = (flags & Mremap.DONTUNMAP) !== 0;
  if (fixed && (newAt % PAGE !== 0 || newAt < 0 || newAt + wanted > TASK_SIZE || (newAt < at + old && at < newAt + wanted)))
    return -E.INVAL;
  if (sealed(mm, at, at + Math.max(old, PAGE))) return -E.PERM;
  if (fixed) { const result = unmap(mm, newAt, wanted); if (result < 0) return result; }
  if (old > wanted) { const result = unmap(mm, at + wanted, old - wanted); if (result < 0) return result; }
  if (old === 0 && !area.shared) return -E.INVAL;
  const moving = Math.min(old, wanted), found = mm.areas.find(at);
  if (!found || at + moving > found.end) return -E.FAULT;
  if (!mayGrow(mm, keep ? wanted : Math.max(0, wanted - old), !area.shared && (area.prot & Prot.WRITE) !== 0)) return -E.NOMEM;
  const to = fixed ? newAt : findFree(mm, wanted);
  return to === 0 && !fixed ? -E.NOMEM : move(mm, at, moving, to, wanted, keep);
}

function extend(mm: Mm, area: Vma, end: number): void {
  const from = area.end, lock = area.locked === 1, more = area.moved(from, end, area.pageOf(from / PAGE));
  mm.areas.insert(more);
  if (lock) populate(mm, from, end);
}

function move(mm: Mm, at: number, old: number, to: number, length: number, keep: boolean): number {
  const area = old > 0 ? mm.areas.isolate(at, at + old)[0] : mm.areas.find(at);
  if (!area) return -E.FAULT;
  const next = area.moved(to, to + length, area.pageOf(at / PAGE)), lock = area.locked === 1;
  const shift = (to - at) / PAGE;
  mm.table.update(at / PAGE, (at + old) / PAGE, (vpn, pte) => {
    mm.owe(vpn, vpn + 1, 7, pte);
    mm.table.set(vpn + shift, pte & ~Pte.MAPPED);
    return 0;
  });
  mm.moveSwapped(at / PAGE, (at + old) / PAGE, shift);
  mm.areas.insert(next);
  if (!keep && old > 0) mm.areas.remove(at, at + old); else { area.locked = 0; mm.areas.merge(at, at + Math.max(old, PAGE)); }
  if (lock) populate(mm, to + old, to + length);
  return to;
}

/** Sets the end of the heap; returns the resulting end, which is the old one on failure. */
export function setBrk(mm: Mm, end: number): number {
  if (end < mm.brkStart || end >= MMAP_TOP || end - mm.brkStart > mm.dataLimit) return mm.brk;
  const old = roundUp(mm.brk), next = roundUp(end);
  if (next > old) {
    if (occupied(mm, old, next) || next - old > mm.frames.promise || !mayGrow(mm, next - old, true)) return mm.brk;
    mm.areas.insert(new Vma(mm, old, next, Prot.READ | Prot.WRITE, false, undefined, 0, '[heap]'));
  } else if (next < old) unmap(mm, next, old - next);
  return mm.brk = end;
}

const Advice = {
  WILLNEED: 3, DONTNEED: 4, FREE: 8, REMOVE: 9, DONTFORK: 10, DOFORK: 11, DONTDUMP: 16, DODUMP: 17, WIPEONFORK: 18, KEEPONFORK: 19,
  COLD: 20, PAGEOUT: 21, POPULATE_READ: 22, POPULATE_WRITE: 23, DONTNEED_LOCKED: 24, COLLAPSE: 25,
} as const;
/** Advice without effect in this server. */
const HINTS = new Set<number>([0, 1, 2, Advice.WILLNEED, 12, 13, 14, 15]);
const KNOWN = new Set<number>([...HINTS, ...Object.values(Advice)]);

/** Applies advice to a part of an area: 0, or -errno. */
function adviseArea(mm: Mm, vma: Vma, start: number, end: number, advice: number): number {
  const anonymous = vma.object === undefined;
  switch (advice) {
    case Advice.DONTNEED: case Advice.FREE: case Advice.COLD: case Advice.PAGEOUT:
      if (vma.locked || (advice === Advice.FREE && !anonymous)) return -E.INVAL;
      if (advice === Advice.DONTNEED || advice === Advice.FREE) mm.zap(start, end);
      return 0;
    case Advice.DONTNEED_LOCKED: mm.zap(start, end); return 0;
    case Advice.REMOVE: return removePages(vma, start, end);
    case Advice.WIPEONFORK: if (!anonymous || vma.shared) return -E.INVAL; vma.fork = 'wipe'; return 0;
    case Advice.KEEPONFORK: case Advice.DOFORK: if (vma.fork === (advice === Advice.DOFORK ? 'none' : 'wipe')) vma.fork = 'copy'; return 0;
    case Advice.DONTFORK: vma.fork = 'none'; return 0;
    case Advice.DONTDUMP: case Advice.DODUMP: vma.undumped = advice === Advice.DONTDUMP; return 0;
    case Advice.COLLAPSE: return -E.INVAL;
    default: return 0;
  }
}
/** MADV_REMOVE: a hole in the file. */
function removePages(vma: Vma, start: number, end: number): number {
  if (vma.locked || !vma.object) return -E.INVAL;
  if (!vma.shared || !vma.mayWrite) return -E.ACCES;
  const from = (vma.first + (start - vma.start) / PAGE) * PAGE,
    object = vma.object as Mappable & { punch?: (from: number, to: number) => number };
  return object.punch ? Math.min(0, object.punch(from, from + end - start)) : -E.OPNOTSUPP;
}
/**
 * MADV_POPULATE_…: stops at the first page that fails: ENOMEM without an area, EINVAL without the right, EFAULT without memory or beyond
 * the file's end.
 */
function populateAdvised(mm: Mm, at: number, end: number, access: Access): number {
  for (let va = at; va < end; va += PAGE) {
    const fault = mm.touch(va, access);
    if (fault !== Fault.none) return fault === Fault.mapErr ? -E.NOMEM
        : fault === Fault.accErr ? -E.INVAL : fault === Fault.noMemory ? -E.NOMEM : -E.FAULT;
  }
  return 0;
}
export function advise(mm: Mm, at: number, length: number, advice: number): number {
  if (!KNOWN.has(advice)) return -E.INVAL;
  const end = at + roundUp(length);
  if (at % PAGE !== 0 || length < 0 || end < at) return -E.INVAL;
  if (end === at) return 0;
  if (advice === Advice.POPULATE_READ || advice === Advice.POPULATE_WRITE)
    return populateAdvised(mm, at, end, advice === Advice.POPULATE_WRITE ? Access.write : Access.read);
  const cuts = !HINTS.has(advice), list = cuts ? mm.areas.isolate(at, end) : mm.areas.list.filter((v) => v.start < end && v.end > at);
  let va = at, hole = false, failed = 0;
  for (const vma of list) {
    if (vma.start > va) hole = true;
    const discards = advice === Advice.DONTNEED || advice === Advice.FREE || advice === Advice.DONTNEED_LOCKED || advice === Advice.REMOVE;
    failed = vma.sealed && discards && !(vma.prot & Prot.WRITE)
      ? -E.PERM
      : adviseArea(mm, vma, Math.max(vma.start, at), Math.min(vma.end, end), advice);
    if (failed) break;
    va = vma.end;
  }
  if (cuts) mm.areas.merge(at, end);
  return failed || (hole || va < end ? -E.NOMEM : 0);
}
/** mlock and munlock of [at, end): 0, or -ENOMEM at the first hole; areas before it stay changed. */
export function setLocked(mm: Mm, at: number, end: number, locked: 0 | 1 | 2): number {
  let va = at;
  for (const vma of mm.areas.isolate(at, end)) {
    if (vma.start > va) break;
    vma.locked = locked;
    va = vma.end;
  }
  mm.areas.merge(at, end);
  return va < end ? -E.NOMEM : 0;
}
/** mseal. */
export function seal(mm: Mm, at: number, end: number): number {
  if (!covered(mm, at, end)) return -E.NOMEM;
  for (const vma of mm.areas.isolate(at, end)) vma.sealed = true;
  mm.areas.merge(at, end);
  return 0;
}
/**
 * remap_file_pages: shows another part of the same file in a piece of a shared mapping. As in Linux, the old area is unmapped first:
 * a removed segment ends with its last area, and then there is nothing to map.
 */
export function remapPages(mm: Mm, at: number, length: number, page: number): number {
  const end = at + length, vma = mm.areas.find(at);
  if (!vma?.shared || !vma.object || !covered(mm, at, end)) return -E.INVAL;
  if (vma.object.ending && vma.object.areas.size === 1 && at === vma.start && end === vma.end) return unmap(mm, at, length) || -E.INVAL;
  const next = vma.moved(at, end, page), failed = unmap(mm, at, length);
  if (failed) { next.gone(); return failed; }
  mm.areas.insert(next);
  return 0;
}
