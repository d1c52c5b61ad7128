/** System-wide calls: uname, sysinfo, random bytes, scheduling, futexes, and calls refused with a reason. */
import { capableIn } from '../kernel/spaces.ts';
import { AT, Cap, O, S, Sig } from '../abi/linux.ts';
import { openAt } from '../fs/open.ts';
import { keepAccounts } from '../kernel/acct.ts';
import { after, type Later } from '../kernel/later.ts';
import { capable } from '../kernel/creds.ts';
import { swapOf } from '../kernel/swap.ts';
import { E } from '../abi/errno.ts';
import type { Process } from '../kernel/process.ts';
import type { Thread } from '../kernel/thread.ts';
import { MACHINE, RELEASE, VERSION } from '../kernel/version.ts';
import { UserIo, bytesOf, clearUser, copyOut, setI64, setU16, setU32, getString } from '../mm/uaccess.ts';
import { UserFault } from '../kernel/failure.ts';
import { hwprobe } from './hwprobe.ts';
import { pathArg, row, type Row } from './row.ts';

function uname(thread: Thread, va: number): number {
  thread.k.work.filed();
  const out = new Uint8Array(6 * 65);
  ['Linux', thread.proc.uts.host, RELEASE, VERSION, MACHINE, thread.proc.uts.domain].forEach((s, i) => {
    out.set(bytesOf(s).subarray(0, 64), i * 65);
  });
  copyOut(thread.mm, va, out);
  return 0;
}
function setName(thread: Thread, va: number, length: number, set: (s: string) => void): number {
  if (!capableIn(thread.creds, thread.proc.uts.owner, Cap.SYS_ADMIN)) return -E.PERM;
  if (length < 0 || length > 64) return -E.INVAL;
  set((getString(thread.mm, va, length + 1) ?? '').slice(0, length));
  return 0;
}
/** struct sysinfo, 112 bytes. */
function sysinfo(thread: Thread, va: number): number {
  clearUser(thread.mm, va, 112);
  setI64(thread.mm, va, Math.ceil((thread.k.clock.now() + thread.proc.time.boot) / 1e9));
  setI64(thread.mm, va + 32, thread.k.frames.total * 4096);
  setI64(thread.mm, va + 40, thread.k.frames.free * 4096);
  setI64(thread.mm, va + 64, swapOf(thread.k).pages * 4096);
  setI64(thread.mm, va + 72, swapOf(thread.k).free * 4096);
  setU16(thread.mm, va + 80, thread.k.pids.threads.size);
  setU32(thread.mm, va + 104, 1);
  return 0;
}
function getrandom(thread: Thread, va: number, length: number, flags: number): number {
  if (flags & ~7 || (flags & 6) === 6) return -E.INVAL;
  const n = length < 0 ? 1 << 20 : Math.min(length, 1 << 20), io = new UserIo(thread.mm, va, n);
  // Bytes before a bad address are filled and counted.
  try { io.put(thread.k.random.bytes(n), 0, n); } catch (error) { if (!(error instanceof UserFault) || io.done === 0) throw error; }
  return io.done;
}

/** The log is empty: sizes are 0, and reading never waits. */
function syslog(thread: Thread, type: number, va: number, length: number): number {
  if (type < 0 || type > 10) return -E.INVAL;
  const isOpen = (type === 3 || type === 10) && thread.k.sysctl.number('kernel/dmesg_restrict') === 0;
  if (!isOpen && !capable(thread.creds, Cap.SYSLOG)) return -E.PERM;
  if (type >= 2 && type <= 4 && (va === 0 || length < 0)) return -E.INVAL;
  if (type === 8) return length < 1 || length > 8 ? -E.INVAL : 0;
  return type === 10 ? LOG_SIZE : 0;
}
const LOG_SIZE = 131072;
const Reboot = {
  MAGIC: 0xfee1dead, RESTART: 0x01234567, HALT: 0xcdef0123, CAD_ON: 0x89abcdef, CAD_OFF: 0, POWER_OFF: 0x4321fedc, RESTART2: 0xa1b2c3d4
} as const;
/** The magic numbers of reboot(2): birthdays. */
const MAGIC2 = new Set([672274793, 85072278, 369367448, 537993216]);
function reboot(thread: Thread, magic: number, magic2: number, command: number, argument: number): number {
  const { numbers } = thread.proc;
  if (!capableIn(thread.creds, numbers.owner, Cap.SYS_BOOT)) return -E.PERM;
  if (magic >>> 0 !== Reboot.MAGIC || !MAGIC2.has(magic2 >>> 0)) return -E.INVAL;
  if (numbers.reaper) return rebootSpace(thread, numbers.reaper, command >>> 0);
  switch (command >>> 0) {
    case Reboot.CAD_ON: case Reboot.CAD_OFF: return 0;
    case Reboot.RESTART2: getString(thread.mm, argument, 256); thread.k.onEnd(0); return 0;
    case Reboot.RESTART: case Reboot.HALT: case Reboot.POWER_OFF: thread.k.onEnd(0); return 0;
    default: return -E.INVAL;
  }
}
/** In a pid space of its own, the space ends; its maker sees from the signal what was wanted. */
function rebootSpace(thread: Thread, reaper: Process, command: number): number {
  const again = command === Reboot.RESTART || command === Reboot.RESTART2;
  if (!again && command !== Reboot.HALT && command !== Reboot.POWER_OFF) return -E.INVAL;
  thread.k.endProcess(reaper, again ? Sig.HUP : Sig.INT);
  return 0;
}
/** Hangs up the caller's terminal. */
function vhangup(thread: Thread): number {
  if (!capable(thread.creds, Cap.SYS_TTY_CONFIG)) return -E.PERM;
  thread.proc.session.terminal?.hangUp();
  return 0;
}
/** Starts to append a record of each process that ends to a file; without a path it stops. */
function acct(thread: Thread, path: number): Later<number> {
  if (!capable(thread.creds, Cap.SYS_PACCT)) return -E.PERM;
  if (path === 0) { keepAccounts(thread.k, undefined); return 0; }
  return after(openAt(thread, AT.FDCWD, pathArg(thread, path), O.WRONLY | O.APPEND | O.LARGEFILE, 0), (file) => {
    if (typeof file === 'number') return file;
    if ((file.inode.mode & S.IFMT) !== S.IFREG) { file.release(); return -E.ACCES; }
    keepAccounts(thread.k, file);
    return 0;
  });
}
const refused = (errno: number) => (): number => -errno;

export const systemCalls: Row[] = [
  row('uname', uname), row('sysinfo', sysinfo), row('getrandom', getrandom),
  row('sethostname', (t, va, n) => setName(t, va, n, (s) => { t.proc.uts.host = s; })),
  row('setdomainname', (t, va, n) => setName(t, va, n, (s) => { t.proc.uts.domain = s; })),
  row('getcpu', (t, cpu, node) => { try { if (cpu) setU32(t.mm, cpu, 0); } finally { if (node) setU32(t.mm, node, 0); } return 0; }),
  row('riscv_hwprobe', hwprobe),
  row('syslog', (t, type, va, length) => syslog(t, type | 0, va, length | 0), { note: 'the buffer is empty' }), row('reboot', reboot),
  row('restart_syscall', refused(E.INTR)),

  row('vhangup', vhangup), row('acct', acct),
  row('io_uring_setup', refused(E.NOSYS), { support: 'none' }), row('bpf', refused(E.NOSYS), { support: 'none' }),
  row('perf_event_open', refused(E.NOSYS), { support: 'none' }), row('userfaultfd', refused(E.NOSYS), { support: 'none' }),
];
