/** Memory calls: mmap and relatives, brk, madvise, memfd. */
import { install } from './fds.ts';
import { E } from '../abi/errno.ts';
import { Cap, Limit, Map_, O, PAGE, Prot, S } from '../abi/linux.ts';
import type { File } from '../fs/file.ts';
import { PidFile } from '../fs/pidfd.ts';
import { capable } from '../kernel/creds.ts';
import type { Later } from '../kernel/later.ts';
import type { Co } from '../kernel/wait.ts';
import type { Mappable } from '../mm/vma.ts';
import type { Thread } from '../kernel/thread.ts';
import { RegularFile } from '../fs/regular.ts';
import { Fault, TASK_SIZE } from '../mm/mm.ts';
import { advise, mapArea, populate, protect, remap, remapPages, roundUp, seal, setBrk, setLocked, unmap } from '../mm/mmap.ts';
import { copyOut, getBytesZ, getI64, textOf, couldBeUser } from '../mm/uaccess.ts';
import { bits, longBits, row, type Row } from './row.ts';

/** Flags that MAP_SHARED_VALIDATE accepts: those that MAP_SHARED has always known. */
const VALIDATED = Map_.TYPE | Map_.FIXED | Map_.ANONYMOUS | 0x40 | Map_.GROWSDOWN | 0x800 | 0x1000 | Map_.LOCKED | Map_.NORESERVE
  | Map_.POPULATE | 0x10000 | Map_.STACK | 0x40000 | Map_.FIXED_NOREPLACE;
/** Bytes of memory that this process may lock; unlimited with CAP_IPC_LOCK. */
const lockLimit = (t: Thread): number => (capable(t.creds, Cap.IPC_LOCK) ? Infinity : t.proc.limits.soft[Limit.MEMLOCK]!);
/** Whether unmapping this range splits one area into two. */
function splits(thread: Thread, at: number, length: number): boolean {
  const vma = thread.mm.areas.find(at);
  return vma !== undefined && vma.start < at && vma.end > at + roundUp(length);
}
const tooManyAreas = (t: Thread): boolean => t.mm.areas.list.length >= t.k.sysctl.number('vm/max_map_count') || !t.mm.payAreas();

const HUGETLB = 0x4_0000, WIPEONFORK = 18;
function mmap(thread: Thread, at: number, length: number, prot: number, flags: number, fd: number, offset: number): number {
  const type = flags & Map_.TYPE, anonymous = (flags & Map_.ANONYMOUS) !== 0, file = anonymous ? undefined : thread.proc.fds.get(fd);
  if (offset % PAGE !== 0) return -E.INVAL;
  if (!anonymous && !file) return -E.BADF;
  if (length === 0) return -E.INVAL;
  if (length < 0 || roundUp(length) > 2 ** 62) return -E.NOMEM;
  if (anonymous ? offset < 0 && offset + roundUp(length) >= 0 : offset < 0 || offset + length >= 2 ** 63) return -E.OVERFLOW;
  if (tooManyAreas(thread)) return -E.NOMEM;
  if (flags & Map_.LOCKED && lockLimit(thread) === 0) return -E.PERM;
  if ((flags & Map_.LOCKED || thread.mm.lockFuture) && thread.mm.locked + length > lockLimit(thread)) return -E.AGAIN;
  if (!anonymous && flags & HUGETLB) return -E.INVAL; // files have no huge pages
  if (anonymous) {
    if (flags & HUGETLB) return -E.NOMEM; // the pool of huge pages is empty
    if (type === Map_.DROPPABLE) return mapDroppable(thread, at, length, prot, flags);
    if (type === Map_.PRIVATE) return mapArea(thread.mm, { at, length, prot, flags });
    return type === Map_.SHARED && !(flags & Map_.GROWSDOWN) ? mapShared(thread, at, length, prot, flags) : -E.INVAL;
  }
  return mapFile(thread, file!, at, length, prot, flags, offset);
}
/** MAP_DROPPABLE: memory that may be lost, which is never locked and which a fork empties. */
function mapDroppable(thread: Thread, at: number, length: number, prot: number, flags: number): number {
  if (flags & (Map_.LOCKED | Map_.GROWSDOWN)) return -E.INVAL;
  const mapped = mapArea(thread.mm, { at, length, prot, flags: (flags & ~Map_.TYPE) | Map_.PRIVATE | Map_.NORESERVE });
  if (mapped >= 0) advise(thread.mm, mapped, length, WIPEONFORK);
  return mapped;
}
/** Anonymous shared memory: a file without a name. */
function mapShared(thread: Thread, at: number, length: number, prot: number, flags: number, mayWrite = true): number {
  const shared = thread.k.memfd(S.IFREG | 0o600);
  shared.nlink = 0;
  shared.truncate(roundUp(length));
  const mapped = mapArea(thread.mm, { at, length, prot, flags, object: shared, name: '/dev/zero (deleted)', mayWrite });
  if (mapped < 0) shared.drop();
  return mapped;
}
function mapFile(thread: Thread, file: File, at: number, length: number, prot: number, flags: number, offset: number): number {
  const type = flags & Map_.TYPE, shared = type !== Map_.PRIVATE;
  if (type !== Map_.SHARED && type !== Map_.PRIVATE && type !== Map_.SHARED_VALIDATE) return -E.INVAL;
  if (type === Map_.SHARED_VALIDATE && flags & ~VALIDATED) return -E.OPNOTSUPP;
  if (shared && prot & Prot.WRITE && !file.writable) return -E.ACCES;
  if (!file.readable) return -E.ACCES;
  const answer = file.map(thread.mm, shared, (prot & Prot.WRITE) !== 0);
  if (typeof answer === 'number') return answer;
  if (flags & Map_.GROWSDOWN) return -E.INVAL;
  if (shared && !answer.object) return mapShared(thread, at, length, prot, flags, file.writable);
  const name = answer.name || file.path(thread.proc.fs.root), mayWrite = !shared || (file.writable && answer.readOnly !== true);
  return mapArea(thread.mm, { at, length, prot, flags, object: answer.object, first: offset / PAGE, name, mayWrite });
}

// ── locking ────────────────────────────────────────────────────────────────────────────────────────────────────────────

function mlock(thread: Thread, va: number, length: number, onFault: boolean): number {
  const limit = lockLimit(thread), at = Math.floor(va / PAGE) * PAGE, end = roundUp(va + length);
  if (limit === 0) return -E.PERM;
  if (length < 0 || end < at) return -E.INVAL;
  if (length > 0 && at >= TASK_SIZE) return -E.NOMEM;
  if (end === at) return 0;
  if (limit !== Infinity && thread.mm.locked + (end - at) - lockedIn(thread, at, end) > limit) return -E.NOMEM;
  const result = setLocked(thread.mm, at, end, onFault ? 2 : 1);
  if (result < 0 || onFault) return result;
  const fault = populate(thread.mm, at, end);
  return fault === Fault.none ? 0 : fault === Fault.noMemory ? -E.AGAIN : -E.NOMEM;
}
function lockedIn(thread: Thread, at: number, end: number): number {
  let n = 0;
  for (const vma of thread.mm.areas.list)
    if (vma.locked && vma.start < end && vma.end > at) n += Math.min(vma.end, end) - Math.max(vma.start, at);
  return n;
}
function munlock(thread: Thread, va: number, length: number): number {
  const at = Math.floor(va / PAGE) * PAGE, end = roundUp(va + length);
  if (length < 0 || end < at) return -E.INVAL;
  if (length > 0 && at >= TASK_SIZE) return -E.NOMEM;
  return end === at ? 0 : setLocked(thread.mm, at, end, 0);
}
const Mcl = { CURRENT: 1, FUTURE: 2, ONFAULT: 4 } as const;
function mlockall(thread: Thread, flags: number): number {
  const limit = lockLimit(thread), how = flags & Mcl.ONFAULT ? 2 : 1;
  if (flags === 0 || flags === Mcl.ONFAULT) return -E.INVAL;
  if (limit === 0) return -E.PERM;
  if (flags & Mcl.CURRENT && thread.mm.size > limit) return -E.NOMEM;
  thread.mm.lockFuture = flags & Mcl.FUTURE ? how : 0;
  if (!(flags & Mcl.CURRENT)) return 0;
  for (const vma of [...thread.mm.areas.list]) {
    vma.locked = how;
    if (how === 1 && vma.prot !== 0) populate(thread.mm, vma.start, vma.end);
  }
  return 0;
}
function munlockall(thread: Thread): number {
  thread.mm.lockFuture = 0;
  for (const vma of thread.mm.areas.list) vma.locked = 0;
  thread.mm.areas.merge(0, TASK_SIZE);
  return 0;
}
/** Checks the areas; writes changed pages back now (MS_SYNC) or starts to. */
function msync(thread: Thread, at: number, length: number, flags: number): Later<number> {
  const end = at + roundUp(length), objects = new Set<Mappable>();
  if (at % PAGE !== 0 || (flags & 5) === 5) return -E.INVAL;
  if (length < 0 || end < at) return -E.NOMEM;
  if (end === at) return 0;
  let va = at;
  for (let i = thread.mm.areas.indexAbove(at); i < thread.mm.areas.list.length && thread.mm.areas.list[i]!.start < end; i++) {
    const vma = thread.mm.areas.list[i]!;
    if (flags & 2 && vma.locked) return -E.BUSY;
    if (vma.start > va) return -E.NOMEM;
    if (vma.shared && vma.object?.writeBack) objects.add(vma.object);
    va = vma.end;
  }
  if (va < end) return -E.NOMEM;
  if (objects.size === 0) return 0;
  if (flags & 4) return writeBackAll(thread, objects);
  for (const mappable of objects) thread.k.workers.start((s) => mappable.writeBack!(s));
  return 0;
}
function* writeBackAll(thread: Thread, objects: Iterable<Mappable>): Co<number> {
  let failed = 0;
  for (const mappable of objects) failed ||= yield* mappable.writeBack!(thread);
  return failed;
}
function mseal(thread: Thread, at: number, length: number, flags: number): number {
  const end = at + roundUp(length);
  if (flags !== 0 || at % PAGE !== 0 || length < 0 || end < at) return -E.INVAL;
  return end === at ? 0 : seal(thread.mm, at, end);
}
function remapFilePages(thread: Thread, at: number, size: number, prot: number, page: number): number {
  const from = Math.floor(at / PAGE) * PAGE, length = Math.floor(size / PAGE) * PAGE;
  if (prot !== 0 || !(length > 0) || from < 0 || from + length > TASK_SIZE || page < 0) return -E.INVAL;
  return remapPages(thread.mm, from, length, page);
}
/** Gives advice about the memory of another process. */
function processMadvise(thread: Thread, fd: number, va: number, count: number, advice: number, flags: number): number {
  if (flags !== 0 || count < 0 || count > 1024) return -E.INVAL;
  const file = thread.proc.fds.get(fd), list: [number, number][] = [];
  for (let i = 0; i < count; i++) list.push([getI64(thread.mm, va + 16 * i), getI64(thread.mm, va + 16 * i + 8)]);
  if (!(file instanceof PidFile)) return -E.BADF;
  if (![3, 20, 21, 25].includes(advice)) return -E.INVAL;
  if (!file.process.alive) return -E.SRCH;
  if (file.process !== thread.proc && !capable(thread.creds, Cap.SYS_NICE)) return -E.PERM;
  let done = 0;
  for (const [at, length] of list) {
    const result = advise(file.process.mm, at, length, advice);
    if (result < 0) return done || result;
    done += length;
  }
  return done;
}

const Mfd = { CLOEXEC: 1, ALLOW_SEALING: 2, HUGETLB: 4, NOEXEC_SEAL: 8, EXEC: 16, HUGE_SIZES: 0xfc000000 | 0 } as const;
function memfd(thread: Thread, name: number, flags: number): number {
  if (flags & ~(flags & Mfd.HUGETLB ? 0x1f | Mfd.HUGE_SIZES : 0x1f) || (flags & Mfd.EXEC && flags & Mfd.NOEXEC_SEAL)) return -E.INVAL;
  const bytes = getBytesZ(thread.mm, name, 256);
  if (!bytes || bytes.length > 249) return -E.INVAL;
  if (flags & Mfd.HUGETLB) return -E.NOSYS;
  const sealing = flags & (Mfd.ALLOW_SEALING | Mfd.NOEXEC_SEAL),
    inode = thread.k.memfd(S.IFREG | (flags & Mfd.NOEXEC_SEAL ? 0o666 : 0o777)),
    file = new RegularFile(inode, O.RDWR | O.LARGEFILE);
  inode.uid = thread.creds.fsuid;
  inode.gid = thread.creds.fsgid;
  inode.seals = (sealing ? 0 : 1) | (flags & Mfd.NOEXEC_SEAL ? 32 : 0);
  inode.nlink = 0;
  file.name = `/memfd:${textOf(bytes)} (deleted)`;
  return install(thread, file, (flags & Mfd.CLOEXEC) !== 0);
}
function mincore(thread: Thread, at: number, length: number, va: number): number {
  if (at % PAGE !== 0) return -E.INVAL;
  if (length < 0 || at < 0 || at + length > TASK_SIZE) return -E.NOMEM;
  if (!couldBeUser(va, roundUp(length) / PAGE)) return -E.FAULT;
  const end = at + roundUp(length);
  for (let from = at; from < end; ) {
    const area = thread.mm.areas.find(from), to = Math.min(end, area?.end ?? 0, from + 4096 * PAGE);
    if (!area) return -E.NOMEM;
    const out = new Uint8Array((to - from) / PAGE);
    for (let i = 0; i < out.length; i++) {
      const vpn = from / PAGE + i;
      out[i] = thread.mm.table.get(vpn) !== 0 || area.object?.resident(area.pageOf(vpn)) ? 1 : 0;
    }
    copyOut(thread.mm, va + (from - at) / PAGE, out);
    from = to;
  }
  return 0;
}

export const memoryCalls: Row[] = [
  row('brk', (t, end) => setBrk(t.mm, end)),
  row('mmap', mmap),
  row('munmap', (t, at, length) =>
    (splits(t, at, length) && t.mm.areas.list.length >= t.k.sysctl.number('vm/max_map_count') ? -E.NOMEM : unmap(t.mm, at, length))),
  row('mprotect', (t, at, length, prot) => protect(t.mm, at, length, prot)),
  row('pkey_mprotect', (t, at, length, prot, key) => (key === -1 ? protect(t.mm, at, length, prot) : -E.INVAL)),
  row('pkey_alloc', () => -E.NOSYS, { support: 'none' }), row('pkey_free', () => -E.NOSYS, { support: 'none' }),
  row('mremap', (t, at, old, length, flags, to) => remap(t.mm, at, old, length, flags, to)),
  row('madvise', (t, at, length, advice) => advise(t.mm, at, length, advice)),
  row('msync', msync, { checks: [bits(2, 7)] }),
  row('mlock', (t, at, n) => mlock(t, at, n, false)),
  row('mlock2', (t, at, n, flags) => mlock(t, at, n, flags !== 0), { checks: [bits(2, 1)] }), row('munlock', munlock),
  row('mlockall', mlockall, { checks: [bits(0, 7)] }), row('munlockall', munlockall),
  row('mseal', mseal), row('remap_file_pages', remapFilePages), row('process_madvise', processMadvise),
  row('mincore', mincore),
  row('memfd_create', memfd),
  row('riscv_flush_icache', () => 0, { checks: [longBits(2, 1)] }),
];
