/** Rarely used calls: comparing resources, barriers, restartable sequences, memory policies, handles of files, modules. */
import { UserFault } from '../kernel/failure.ts';
import { PidFile } from '../fs/pidfd.ts';
import type { Inode, Located } from '../fs/inode.ts';
import { openPath } from '../fs/open.ts';
import { E } from '../abi/errno.ts';
import { AT, Cap, O, S, Sig, SiCode } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import { after } from '../kernel/later.ts';
import { RSEQ_SIZE, startSequence, stopSequence } from '../kernel/rseq.ts';
import type { Process } from '../kernel/process.ts';
import type { Thread } from '../kernel/thread.ts';
import { copyIn, couldBeUser, getI32, getString, getI64, getU32, setBig, setU32 } from '../mm/uaccess.ts';
import { install } from './fds.ts';
import { mayTrace } from '../kernel/tracing.ts';
import { bits, row, type Row } from './row.ts';
import { placeOf } from './stat.ts';

// ── kcmp: orders kernel objects without revealing their addresses ────────────────────────────────────────────────────────

const orderOf = new WeakMap<object, number>();
let lastOrder = 0;
function order(x: object): number {
  let n = orderOf.get(x);
  if (n === undefined) orderOf.set(x, n = ++lastOrder);
  return n;
}
/** 0: the same, 1: less, 2: more. */
const compare = (a: object, b: object): number => (a === b ? 0 : order(a) < order(b) ? 1 : 2);
/** The object of a process that each type of kcmp compares: memory, descriptors, directories, actions, I/O context, undo lists. */
const shared: Readonly<Record<number, (p: Process) => object>> = {
  1: (p) => p.mm, 2: (p) => p.fds, 3: (p) => p.fs, 4: (p) => p.actions, 5: (p) => p.ioContext, 6: (p) => p.undoList
};
function kcmp(thread: Thread, firstPid: number, secondPid: number, type: number, x: number, y: number): number {
  const first = thread.k.pids.processOf(thread.proc.numbers, firstPid), second = thread.k.pids.processOf(thread.proc.numbers, secondPid);
  if (!first || !second) return -E.SRCH;
  if (!mayTrace(thread, first) || !mayTrace(thread, second)) return -E.PERM;
  if (type === 0) {
    const file = first.fds.any(x), otherFile = second.fds.any(y);
    return file && otherFile ? compare(file, otherFile) : -E.BADF;
  }
  const of = shared[type];
  return of ? compare(of(first), of(second)) : -E.INVAL;
}

// ── membarrier: one processor sees its own writes in order; registrations are kept ───────────────────────────────────────

const Barrier = { QUERY: 0, GLOBAL: 1, RSEQ: 128, GET_REGISTRATIONS: 512, ALL: 0x3ff } as const;
/** Commands that need a registration, and the command that registers. */
const registration: Readonly<Record<number, number>> = { 8: 16, 32: 64, 128: 256 };
const REGISTERS = new Set([4, 16, 64, 256]);
function membarrier(thread: Thread, command: number, flags: number, cpu: number): number {
  if (command === Barrier.RSEQ ? flags & ~1 : flags) return -E.INVAL;
  if (command === Barrier.RSEQ && flags && cpu !== 0 && thread.mm.barriers & 256) return 0;
  if (command === Barrier.QUERY) return Barrier.ALL;
  if (command === Barrier.GET_REGISTRATIONS) return thread.mm.barriers;
  if (command === Barrier.GLOBAL || command === 2) return 0;
  if (REGISTERS.has(command)) { thread.mm.barriers |= command; return 0; }
  const needed = registration[command];
  return needed === undefined ? -E.INVAL : thread.mm.barriers & needed ? 0 : -E.PERM;
}

// ── restartable sequences ───────────────────────────────────────────────────────────────────────────────────────────────

function rseq(thread: Thread, area: number, length: number, flags: number, sig: number): number {
  const now = thread.rseq;
  if (flags & 1) {
    if (flags & ~1 || !now || now.area !== area || now.length !== length >>> 0) return -E.INVAL;
    if (now.sig !== sig >>> 0) return -E.PERM;
    return stopSequence(thread);
  }
  if (flags) return -E.INVAL;
  if (now) return now.area !== area || now.length !== length >>> 0 ? -E.INVAL : now.sig !== sig >>> 0 ? -E.PERM : -E.BUSY;
  if (length >>> 0 < RSEQ_SIZE || area % 32 !== 0) return -E.INVAL;
  if (!couldBeUser(area, length >>> 0) || !thread.mm.areas.find(area)) return -E.FAULT;
  try { return startSequence(thread, area, length >>> 0, sig >>> 0); } catch (error) {
    // Linux finds the bad address when it writes there on return to user mode.
    if (!(error instanceof UserFault)) throw error;
    thread.k.signals.force(thread, Sig.SEGV, SiCode.KERNEL, 0);
    return 0;
  }
}

// ── memory policies: there is one node, so every possible policy is obeyed ───────────────────────────────────────────────

const Mpol = { DEFAULT: 0, PREFERRED: 1, LOCAL: 4, COUNT: 7, STATIC: 1 << 15, RELATIVE: 1 << 14, BALANCING: 1 << 13 } as const;
interface Policy { readonly mode: number; readonly nodes: number }
const policies = new WeakMap<Thread, Policy>();
/** A mask of nodes; only node 0 exists. */
function nodesAt(thread: Thread, va: number, max: number): number {
  const count = max - 1;
  if (count <= 0 || va === 0) return 0;
  if (count > 4096 * 8) return -E.INVAL;
  const bytes = copyIn(thread.mm, va, Math.ceil(count / 64) * 8);
  for (let i = 0; i < count; i++) if (i > 0 && bytes[i >> 3]! & (1 << (i & 7))) return -E.INVAL;
  return bytes[0]! & 1;
}
function policyOf(thread: Thread, mode: number, mask: number, max: number): Policy | number {
  const flags = mode & (Mpol.STATIC | Mpol.RELATIVE | Mpol.BALANCING), kind = mode & ~flags;
  if (kind < 0 || kind >= Mpol.COUNT || (flags & Mpol.STATIC && flags & Mpol.RELATIVE)
      || (flags & Mpol.BALANCING && kind !== 2 && kind !== 5))
    return -E.INVAL;
  const nodes = nodesAt(thread, mask, max);
  if (nodes < 0) return nodes;
  const wantsNone = kind === Mpol.DEFAULT || kind === Mpol.LOCAL, mayHaveNone = wantsNone || kind === Mpol.PREFERRED;
  if ((wantsNone && nodes) || (!mayHaveNone && !nodes) || (wantsNone && flags) || (kind === Mpol.PREFERRED && !nodes && flags))
    return -E.INVAL;
  return { mode: kind === Mpol.PREFERRED && !nodes ? Mpol.LOCAL : mode, nodes };
}
function setPolicy(thread: Thread, mode: number, mask: number, max: number): number {
  const policy = policyOf(thread, mode | 0, mask, max);
  if (typeof policy === 'number') return policy;
  policies.set(thread, policy);
  return 0;
}
function getPolicy(thread: Thread, modeVa: number, mask: number, max: number, at: number, flags: number): number {
  const NODE = 1, ADDR = 2, ALLOWED = 4, policy = policies.get(thread) ?? { mode: 0, nodes: 0 };
  if (flags & ~7 || (mask !== 0 && max < 1) || (flags & ALLOWED && flags & (NODE | ADDR))
      || (at !== 0 && !(flags & ADDR) && !(flags & ALLOWED)))
    return -E.INVAL;
  if (flags & ADDR && !thread.mm.areas.find(at)) return -E.FAULT;
  if (flags & NODE && !(flags & ADDR) && policy.mode !== 3) return -E.INVAL;
  if (modeVa) setU32(thread.mm, modeVa, flags & (NODE | ALLOWED) ? 0 : flags & ADDR ? 0 : policy.mode);
  if (mask)
    for (let i = 0; i < Math.ceil((max - 1) / 64) || i === 0; i++)
      setBig(thread.mm, mask + 8 * i, i === 0 ? BigInt(flags & ALLOWED ? 1 : flags & ADDR ? 0 : policy.nodes) : 0n);
  return 0;
}
function bind(thread: Thread, at: number, length: number, mode: number, mask: number, max: number, flags: number): number {
  if (flags & ~7 || at % 4096 !== 0) return -E.INVAL;
  if (flags & 4 && !capable(thread.creds, Cap.SYS_NICE)) return -E.PERM;
  const policy = policyOf(thread, mode | 0, mask, max);
  if (typeof policy === 'number') return policy;
  const end = at + Math.ceil(length / 4096) * 4096;
  for (let x = at; x < end;) {
    const vma = thread.mm.areas.find(x);
    if (!vma) return -E.FAULT;
    x = vma.end;
  }
  return 0;
}
function target(thread: Thread, pid: number): Process | number {
  const process = pid === 0 ? thread.proc : thread.k.pids.processOf(thread.proc.numbers, pid);
  return !process ? -E.SRCH : mayTrace(thread, process) ? process : -E.PERM;
}
function migratePages(thread: Thread, pid: number, max: number, from: number, to: number): number {
  const old = nodesAt(thread, from, max), now = old < 0 ? old : nodesAt(thread, to, max);
  if (now < 0) return now;
  const process = target(thread, pid | 0);
  return typeof process === 'number' ? process : now === 0 ? -E.INVAL : 0;
}
function movePages(thread: Thread, pid: number, n: number, pages: number, nodes: number, status: number, flags: number): number {
  if (flags & ~6) return -E.INVAL;
  if (flags & 4 && !capable(thread.creds, Cap.SYS_NICE)) return -E.PERM;
  const process = target(thread, pid | 0);
  if (typeof process === 'number') return process;
  for (let i = 0; i < n; i++) {
    const at = getI64(thread.mm, pages + 8 * i);
    if (nodes && getI32(thread.mm, nodes + 4 * i) !== 0) return -E.NODEV;
    setU32(thread.mm, status + 4 * i, !process.mm.areas.find(at) ? -E.FAULT : process.mm.table.get(Math.floor(at / 4096)) ? 0 : -E.NOENT);
  }
  return 0;
}

// ── file handles: a number that finds a file again as long as it has a name ──────────────────────────────────────────────

const HANDLE_BYTES = 8, HANDLE_TYPE = 1, HANDLE_FID = 0x200, MOUNT_ID_UNIQUE = 1;
const handles = new Map<string, WeakRef<{ readonly inode: Inode; readonly place: Located }>>(),
  held = new WeakMap<Inode, { readonly inode: Inode; readonly place: Located }>();
function nameToHandle(thread: Thread, dir: number, path: number, va: number, mountVa: number, flags: number): number {
  const found = placeOf(thread, dir | 0, path, (flags & AT.SYMLINK_FOLLOW ? 0 : AT.SYMLINK_NOFOLLOW) | (flags & AT.EMPTY_PATH));
  if (typeof found === 'number') return found;
  if (!['tmpfs', 'rootfs', 'ext4', 'ext2', 'devtmpfs'].includes(found.inode.fs.type) && found.inode.fs.type !== 'overlay')
    return -E.OPNOTSUPP;
  const room = getU32(thread.mm, va);
  getU32(thread.mm, va + 4);
  if (room > 128) return -E.INVAL;
  setU32(thread.mm, va, HANDLE_BYTES);
  const id = found.mount?.id ?? 0;
  if (flags & MOUNT_ID_UNIQUE) setBig(thread.mm, mountVa, BigInt(id)); else setU32(thread.mm, mountVa, id);
  if (room < HANDLE_BYTES) return -E.OVERFLOW;
  let kept = held.get(found.inode);
  if (!kept) {
    kept = { inode: found.inode, place: { inode: found.inode, mount: found.mount, dir: found.dir, name: found.name ?? '' } };
    held.set(found.inode, kept);
  }
  handles.set(`${found.inode.dev}:${found.inode.ino}`, new WeakRef(kept));
  setU32(thread.mm, va + 4, HANDLE_TYPE);
  setU32(thread.mm, va + 8, found.inode.ino >>> 0);
  setU32(thread.mm, va + 12, Math.floor(found.inode.ino / 4294967296));
  return 0;
}
function openByHandle(thread: Thread, mountFd: number, va: number, flags: number) {
  if (!capable(thread.creds, Cap.DAC_READ_SEARCH)) return -E.PERM;
  const room = getU32(thread.mm, va),
    on: Located | undefined = (mountFd | 0) === AT.FDCWD ? thread.proc.fs.cwd : thread.proc.fds.get(mountFd | 0);
  if (room === 0 || room > 128) return -E.INVAL;
  if (!on) return -E.BADF;
  if (room < HANDLE_BYTES || getI32(thread.mm, va + 4) !== HANDLE_TYPE) return -E.STALE;
  const ino = getU32(thread.mm, va + 8) + getU32(thread.mm, va + 12) * 4294967296, found = handles.get(`${on.inode.dev}:${ino}`)?.deref();
  if (!found || found.inode.nlink === 0) return -E.STALE;
  return after(openPath(thread, found.place as Parameters<typeof openPath>[1], flags | O.LARGEFILE),
    (file) => (typeof file === 'number' ? file : install(thread, file, (flags & O.CLOEXEC) !== 0)));
}

// ── the rest ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** process_mrelease: frees the memory of a process that is being killed; here it is already free. */
function release(thread: Thread, fd: number, flags: number): number {
  if (flags) return -E.INVAL;
  const file = thread.proc.fds.get(fd | 0);
  if (!(file instanceof PidFile)) return -E.BADF;
  return file.process.alive ? -E.INVAL : -E.SRCH;
}
/** The kernel loads no modules; an image that is no ELF file fails as on Linux. */
function initModule(thread: Thread, image: number, length: number): number {
  if (!capable(thread.creds, Cap.SYS_MODULE)) return -E.PERM;
  if (length < 64) return -E.NOEXEC;
  copyIn(thread.mm, image, 64);
  return -E.NOEXEC;
}
function finitModule(thread: Thread, fd: number, _args: number, flags: number): number {
  if (!capable(thread.creds, Cap.SYS_MODULE)) return -E.PERM;
  if (flags & ~7) return -E.INVAL;
  const file = thread.proc.fds.get(fd | 0);
  return !file ? -E.BADF : file.inode.type === S.IFREG ? -E.NOEXEC : -E.INVAL;
}
const MODULE_NAME = 56;
function deleteModule(thread: Thread, name: number): number {
  if (!capable(thread.creds, Cap.SYS_MODULE)) return -E.PERM;
  getString(thread.mm, name, MODULE_NAME);
  return -E.NOENT;
}
/** KEXEC_ARCH_RISCV: the machine's number in ELF files. */
const RISCV = 243;
function kexec(thread: Thread, _entry: number, n: number, _segments: number, flags: number): number {
  if (!capable(thread.creds, Cap.SYS_BOOT)) return -E.PERM;
  const arch = (flags & 0xffff_0000) >>> 16;
  return n > 16 || flags & 0xffff & ~7 || (arch !== 0 && arch !== RISCV) ? -E.INVAL : -E.NOSYS;
}
/** No file system here has quotas. */
const Q_SYNC = 0x800001, MOST_QUOTAS = 3;
function quotactl(thread: Thread, command: number, special: number): number {
  if ((command & 0xff) >= MOST_QUOTAS) return -E.INVAL;
  if (special === 0) return command >>> 8 === Q_SYNC ? 0 : -E.NODEV;
  const found = placeOf(thread, AT.FDCWD, special, 0);
  if (typeof found === 'number') return found;
  return found.inode.type === S.IFBLK ? -E.NODEV : -E.NOTBLK;
}
export const rareCalls: Row[] = [
  row('kcmp', (t, a, b, type, x, y) => kcmp(t, a | 0, b | 0, type | 0, x | 0, y | 0)),
  row('membarrier', (t, command, flags, cpu) => membarrier(t, command | 0, flags | 0, cpu | 0)),
  row('rseq', rseq),
  row('set_mempolicy', setPolicy), row('get_mempolicy', getPolicy), row('mbind', bind, { note: 'one node; areas keep no policy' }),
  row('migrate_pages', migratePages), row('move_pages', movePages),
  row('name_to_handle_at', nameToHandle, { checks: [bits(4, AT.SYMLINK_FOLLOW | AT.EMPTY_PATH | HANDLE_FID | MOUNT_ID_UNIQUE)] }),
  row('open_by_handle_at', openByHandle, { note: 'what name_to_handle_at has named' }),
  row('process_mrelease', release), row('init_module', initModule, { support: 'none' }),
  row('finit_module', finitModule, { support: 'none' }), row('delete_module', deleteModule, { support: 'none' }),
  row('kexec_load', kexec, { support: 'none' }), row('quotactl', quotactl, { support: 'none' }),
];
