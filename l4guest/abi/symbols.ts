/**
 * Names for the values of arguments, by the format name in a row's `args` (`flags:open`). The trace and `strace` both use them.
 * `mask`: the values of these bits are one field (-1: of all bits: a plain enumeration), the other words are flags.
 */
import { E } from './errno.ts';
import { AT, Clock, Clone, Limit, Map_ as MapFlag, O, Prot, Sig, Wait } from './linux.ts';

export interface Symbols { readonly mask?: number; readonly words: Readonly<Record<number, string>> }

/** An inverted table of constants; the first name of a number counts. */
function turned(table: Readonly<Record<string, number>>, prefix: string, leave: readonly string[] = []): Record<number, string> {
  const words: Record<number, string> = {};
  for (const [name, value] of Object.entries(table)) if (!leave.includes(name)) words[value] ??= prefix + name;
  return words;
}
const list = (prefix: string, names: string, from = 0): Record<number, string> =>
  Object.fromEntries(names.split(' ').map((n, i) => [from + i, prefix + n]));

export const symbols: Readonly<Record<string, Symbols>> = {
  dir: { mask: -1, words: { [AT.FDCWD]: 'AT_FDCWD' } },
  at: { mask: 0, words: turned(AT, 'AT_', ['FDCWD', 'EACCESS']) },
  unlink: { mask: 0, words: { [AT.REMOVEDIR]: 'AT_REMOVEDIR' } },
  open: { mask: O.ACCMODE, words: turned(O, 'O_', ['ACCMODE']) },
  pipe: { mask: 0, words: { [O.NONBLOCK]: 'O_NONBLOCK', [O.CLOEXEC]: 'O_CLOEXEC', [O.DIRECT]: 'O_DIRECT' } },
  prot: { mask: 0, words: turned(Prot, 'PROT_') },
  map: { mask: MapFlag.TYPE, words: turned(MapFlag, 'MAP_', ['TYPE']) },
  clone: { mask: 0xff, words: { ...turned(Clone, 'CLONE_'), [Sig.CHLD]: 'SIGCHLD' } },
  sig: { mask: -1, words: turned(Sig, 'SIG') },
  wait: { mask: 0, words: turned(Wait, 'W') },
  clock: { mask: -1, words: turned(Clock, 'CLOCK_') },
  seek: { mask: -1, words: list('SEEK_', 'SET CUR END DATA HOLE') },
  sigprocmask: { mask: -1, words: list('SIG_', 'BLOCK UNBLOCK SETMASK') },
  access: { mask: 0, words: { 0: 'F_OK', 1: 'X_OK', 2: 'W_OK', 4: 'R_OK' } },
  fcntl: {
    mask: -1,
    words: {
      ...list('F_', 'DUPFD GETFD SETFD GETFL SETFL GETLK SETLK SETLKW SETOWN GETOWN SETSIG GETSIG'), 1024: 'F_SETLEASE', 1025: 'F_GETLEASE',
      1030: 'F_DUPFD_CLOEXEC', 1031: 'F_SETPIPE_SZ', 1032: 'F_GETPIPE_SZ', 1033: 'F_ADD_SEALS', 1034: 'F_GET_SEALS'
    }
  },
  futex: {
    mask: 0x7f,
    words: {
      ...list('FUTEX_', 'WAIT WAKE FD REQUEUE CMP_REQUEUE WAKE_OP LOCK_PI UNLOCK_PI TRYLOCK_PI WAIT_BITSET WAKE_BITSET'),
      128: 'FUTEX_PRIVATE_FLAG', 256: 'FUTEX_CLOCK_REALTIME'
    }
  },
  ioctl: {
    mask: -1,
    words: {
      0x5401: 'TCGETS', 0x5402: 'TCSETS', 0x5403: 'TCSETSW', 0x5404: 'TCSETSF', 0x540e: 'TIOCSCTTY', 0x540f: 'TIOCGPGRP',
      0x5410: 'TIOCSPGRP', 0x5413: 'TIOCGWINSZ', 0x5414: 'TIOCSWINSZ', 0x541b: 'FIONREAD', 0x5421: 'FIONBIO'
    }
  },
  family: { mask: -1, words: { 0: 'AF_UNSPEC', 1: 'AF_UNIX', 2: 'AF_INET', 10: 'AF_INET6', 16: 'AF_NETLINK' } },
  socket: {
    mask: 0xf,
    words: {
      1: 'SOCK_STREAM', 2: 'SOCK_DGRAM', 3: 'SOCK_RAW', 5: 'SOCK_SEQPACKET', [O.NONBLOCK]: 'SOCK_NONBLOCK', [O.CLOEXEC]: 'SOCK_CLOEXEC'
    }
  },
  ptrace: {
    mask: -1,
    words: {
      ...list('PTRACE_', 'TRACEME PEEKTEXT PEEKDATA PEEKUSR POKETEXT POKEDATA POKEUSR CONT KILL SINGLESTEP'), 16: 'PTRACE_ATTACH',
      17: 'PTRACE_DETACH', 24: 'PTRACE_SYSCALL',
      ...list('PTRACE_',
        'SETOPTIONS GETEVENTMSG GETSIGINFO SETSIGINFO GETREGSET SETREGSET SEIZE INTERRUPT LISTEN PEEKSIGINFO GETSIGMASK SETSIGMASK '
          + 'SECCOMP_GET_FILTER SECCOMP_GET_METADATA GET_SYSCALL_INFO',
        0x4200)
    }
  },
  epoll: { mask: -1, words: { 1: 'EPOLL_CTL_ADD', 2: 'EPOLL_CTL_DEL', 3: 'EPOLL_CTL_MOD' } },
  limit: { mask: -1, words: turned(Limit, 'RLIMIT_') },
  advice: { mask: -1, words: { ...list('MADV_', 'NORMAL RANDOM SEQUENTIAL WILLNEED DONTNEED'), 8: 'MADV_FREE' } },
};

/** Error numbers without those that user level never sees. */
export const errorNames: Readonly<Record<number, string>> = turned(E, 'E', ['RESTARTSYS', 'RESTARTNOHAND']);

/** A value as text: the field, then the set flags, then the rest as a number; undefined when no name matches. */
export function symbolText({ mask = 0, words }: Symbols, value: number): string | undefined {
  if (mask === -1) return words[value] ?? words[value | 0];
  const all = BigInt.asUintN(64, BigInt(value)), field = Number(all & BigInt(mask)), parts: string[] = [], first = words[field],
    flags: string[] = [];
  let rest = all - BigInt(field);
  if (mask !== 0 && (first !== undefined || field !== 0)) parts.push(first ?? String(field));
  for (const [bits, word] of Object.entries(words).map(([b, w]) => [BigInt(b), w] as const).sort((a, b) => (a[0] < b[0] ? 1 : -1))) {
    if (bits <= 0n || bits <= BigInt(mask) || (rest & bits) !== bits) continue;
    flags.unshift(word);
    rest -= bits;
  }
  parts.push(...flags);
  if (rest !== 0n) parts.push(`0x${rest.toString(16)}`);
  return parts.length > 0 ? parts.join('|') : words[0] ?? '0';
}
