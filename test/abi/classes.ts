/** Intended or known differences from Linux, at most twelve kinds, each with its reason. Any other difference is a fault. */
import type { Probe } from './generate.ts';

export interface Kind { readonly name: string; readonly reason: string; readonly holds: (p: Probe, linux: string, here: string) => boolean }

const resultOf = (answer: string): string => answer.split(' ')[0]!;
const isError = (answer: string): boolean => /^-\d+$/.test(resultOf(answer));
const of = (...names: string[]): ((p: Probe) => boolean) => (p) => names.includes(p.name);

const ORDER = new Set(['process_vm_readv', 'process_madvise', 'readv', 'writev', 'preadv', 'pwritev', 'preadv2', 'pwritev2', 'utimensat',
  'shmat', 'fsopen', 'fallocate', 'splice']);

export const kinds: readonly Kind[] = [
  { name: 'surroundings', reason: 'numbers of processes and threads, the place of the heap, and the time since the start differ',
    holds: of('set_tid_address', 'brk', 'getpid', 'getppid', 'gettid', 'setsid', 'getpgid', 'getsid', 'times', 'kcmp') },
  { name: 'without end', reason: 'Linux is still in the call after a second, and what comes of it then is not known',
    holds: (_p, a) => a === 'R' },
  { name: 'spaces', reason: 'name spaces of networks and cgroups are missing, and answer as a Linux without them',
    holds: (p) => p.name === 'unshare' && (Number(p.args[0]!.slice(1)) & 0x4200_0000) !== 0 },
  { name: 'padding', reason: 'Linux leaves the bytes between two names as they were', holds: (p, a, b) => p.name === 'getdents64' &&
    resultOf(a) === resultOf(b) },
  { name: 'modules', reason: 'Linux loads families and protocols of sockets that are not here, and maps TCP sockets', holds: (p, _a, b) =>
    (p.name === 'socket' || p.name === 'socketpair' || (p.name === 'mmap' && p.args.includes('F8'))) && isError(b) },
  { name: 'two errors', reason: 'of two errors in one call another one is found first', holds: (p, a, b) => isError(a) && isError(b) &&
    ORDER.has(p.name) },
  { name: 'attributes', reason: 'flags of files (FS_IOC_GETFLAGS) and names of sockets as attributes are missing', holds: (p) =>
    (p.name === 'ioctl' && p.args[1] === 'n2148034049') || p.name === 'flistxattr' },
  { name: 'read-only words', reason: 'a futex, or a list of ppoll, in memory that can only be read is found out at another moment',
    holds: (p) => /^futex|^ppoll$/.test(p.name) && p.args.includes('P5') },
  { name: 'exact numbers', reason: 'lengths and positions beyond 2^53 are rounded', holds: (p) =>
    p.args.some((x) => /^n-?\d+$/.test(x) && Math.abs(Number(x.slice(1))) >= 2 ** 53) },
  { name: 'lengths below zero', reason: 'a length that is negative as a number is read as one that is too long, or the other way',
    holds: (p) => p.args.some((x) => /^n-\d+$/.test(x)) },
  { name: 'policies', reason: 'memory has one node, areas keep no policy, and there are no huge pages', holds: (p) =>
    of('mbind', 'get_mempolicy', 'set_mempolicy', 'move_pages', 'migrate_pages')(p) ||
    (p.name === 'memfd_create' && (Number(p.args[1]!.slice(1)) & 4) !== 0) },
  { name: 'vectors of nothing', reason: 'vectors longer than the prober has filled in', holds: (p) => /v2?$|^vmsplice$/.test(p.name) &&
    p.args.includes('D5') },
];

/** The kind of a difference; undefined for a fault. */
export const kindOf = (p: Probe, linux: string, here: string): Kind | undefined => kinds.find((k) => k.holds(p, linux, here));
