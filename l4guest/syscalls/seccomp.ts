/** seccomp(2), and the two prctl options that are its older names. */
import { E } from '../abi/errno.ts';
import { Cap } from '../abi/linux.ts';
import { MOST_INSTRUCTIONS, validProgram, type Instruction } from '../kernel/bpf.ts';
import { capable } from '../kernel/creds.ts';
import { ListenerFile, Ret, type Filter } from '../kernel/seccomp.ts';
import type { Thread } from '../kernel/thread.ts';
import { copyIn, copyOut, getI64, getU16, getU32 } from '../mm/uaccess.ts';
import { row, type Row } from './row.ts';

const Op = { STRICT: 0, FILTER: 1, ACTION_AVAIL: 2, NOTIF_SIZES: 3 } as const;
const Flag = { TSYNC: 1, LOG: 2, SPEC_ALLOW: 4, NEW_LISTENER: 8, TSYNC_ESRCH: 16, WAIT_KILLABLE: 32, ALL: 63 } as const;
/** The limit of instructions in all filters of a thread; each filter counts as four more. */
const MOST_IN_ALL = 32768, PER_FILTER = 4;

export function setStrict(thread: Thread): number {
  if (thread.seccomp && !thread.seccomp.strict) return -E.INVAL;
  thread.seccomp = { strict: true, filter: undefined };
  return 0;
}
/** struct sock_fprog: u16 length, pointer to struct sock_filter: u16 code, u8 jt, u8 jf, u32 k. */
function readProgram(thread: Thread, va: number): Instruction[] | number {
  const n = getU16(thread.mm, va), at = getI64(thread.mm, va + 8);
  if (n === 0 || n > MOST_INSTRUCTIONS) return -E.INVAL;
  if (!thread.noNewPrivs && !capable(thread.creds, Cap.SYS_ADMIN)) return -E.ACCES;
  const view = new DataView(copyIn(thread.mm, at, 8 * n).buffer),
    program = Array.from({ length: n },
      (_, i): Instruction => ({
        code: view.getUint16(8 * i, true), jt: view.getUint8(8 * i + 2), jf: view.getUint8(8 * i + 3), k: view.getUint32(8 * i + 4, true)
      }));
  return validProgram(program) ? program : -E.INVAL;
}
export function addFilter(thread: Thread, flags: number, va: number): number {
  const listens = (flags & Flag.NEW_LISTENER) !== 0;
  if (flags & ~Flag.ALL || ((flags & (Flag.TSYNC | Flag.NEW_LISTENER)) === (Flag.TSYNC | Flag.NEW_LISTENER) && !(flags & Flag.TSYNC_ESRCH))
      || (flags & Flag.WAIT_KILLABLE && !listens))
    return -E.INVAL;
  const program = readProgram(thread, va);
  if (typeof program === 'number') return program;
  if (thread.seccomp?.strict) return -E.INVAL;
  const before = thread.seccomp?.filter;
  let total = program.length;
  for (let older = before; older; older = older.before) {
    total += older.program.length + PER_FILTER;
    if (listens && older.listener) return -E.BUSY;
  }
  if (total > MOST_IN_ALL || !thread.k.frames.charge(8 * program.length)) return -E.NOMEM;
  const stranger = flags & Flag.TSYNC
    ? [...thread.proc.threads].find((o) => o !== thread && o.seccomp && !includes(before, o.seccomp.filter))
    : undefined;
  if (stranger) return flags & Flag.TSYNC_ESRCH ? -E.SRCH : thread.proc.numbers.of(stranger.tid);
  const listener = listens ? new ListenerFile(thread.k.anon.make(0o600), BigInt(thread.k.random.next())) : undefined,
    fd = listener ? thread.proc.fds.add(listener, true, thread.proc.limits.files) : 0;
  if (fd < 0) { listener!.release(); return fd; }
  const filter: Filter = { program, before, listener, log: (flags & Flag.LOG) !== 0 };
  for (const member of flags & Flag.TSYNC ? thread.proc.threads : [thread]) member.seccomp = { strict: false, filter };
  return fd;
}
/** Whether `old` is `now` or one of the filters before it. */
function includes(now: Filter | undefined, old: Filter | undefined): boolean {
  if (old === undefined) return true;
  for (let filter = now; filter; filter = filter.before) if (filter === old) return true;
  return false;
}
function seccomp(thread: Thread, op: number, flags: number, va: number): number {
  switch (op) {
    case Op.STRICT: return flags !== 0 || va !== 0 ? -E.INVAL : setStrict(thread);
    case Op.FILTER: return addFilter(thread, flags, va);
    case Op.ACTION_AVAIL: {
      if (flags !== 0) return -E.INVAL;
      const action = getU32(thread.mm, va);
      return Object.values(Ret).includes(action as never) ? 0 : -E.OPNOTSUPP;
    }
    case Op.NOTIF_SIZES:
      if (flags !== 0) return -E.INVAL;
      copyOut(thread.mm, va, new Uint8Array(new Uint16Array([80, 24, 64]).buffer));
      return 0;
    default: return -E.INVAL;
  }
}
export const seccompCalls: Row[] = [row('seccomp', seccomp)];
