/** Files in /proc/PID about name spaces: ns/, and the maps of a user space, each written once. */
import { E } from '../../abi/errno.ts';
import { Cap, S } from '../../abi/linux.ts';
import type { Process } from '../../kernel/process.ts';
import { RANGE_COST, capableIn, idOf, nameOfId, type IdRange, type UserSpace } from '../../kernel/spaces.ts';
import { firstTime } from '../../kernel/timespace.ts';
import type { Thread } from '../../kernel/thread.ts';
import { GeneratedDir } from '../generated.ts';
import type { FileSystem } from '../inode.ts';
import { spaceNames, spaceOf } from '../nsfs.ts';
import { guardedLink } from './guarded.ts';

const MOST_RANGES = 340, LAST_ID = 0xffff_ffff;

export function addSpaceFiles(dir: GeneratedDir, fs: FileSystem, process: Process): void {
  dir.add('ns', new GeneratedDir(fs, (name) => (spaceNames.includes(name)
    ? guardedLink(fs, process, () => spaceOf(process.k, process, name)?.text ?? -E.NOENT,
      () => spaceOf(process.k, process, name)?.at ?? -E.NOENT) : undefined),
    () => spaceNames.map((name, i) => ({ name, ino: 4_000_000 + i, type: S.IFLNK }))));
  dir.file('uid_map', (t) => mapText(t, process.creds.users, 'users'), (t, text) => writeMap(t, process, 'users', text));
  dir.file('gid_map', (t) => mapText(t, process.creds.users, 'groups'), (t, text) => writeMap(t, process, 'groups', text));
  dir.file('timens_offsets', () => process.childTime.text(), (thread, text) =>
    (capableIn(thread.creds, process.childTime.owner, Cap.SYS_TIME) && process.childTime !== firstTime
      ? process.childTime.accept(text, process.k.clock.now())
      : process.childTime === firstTime ? -E.ACCES : -E.PERM));
  dir.file('setgroups', () => (process.creds.users.mayDropGroups ? 'allow\n' : 'deny\n'),
    (t, text) => setGroups(t, process.creds.users, text));
}
/**
 * Lines of inner id, outer id and count; the outer id as the reader's space shows it, or as the parent does if the space is the reader's
 * own.
 */
function mapText(thread: Thread, space: UserSpace, kind: 'users' | 'groups'): string {
  const reader = thread.creds.users === space && space.parent ? space.parent : thread.creds.users, column = (n: number): string =>
    String(n).padStart(10);
  return (space[kind] ?? []).map((idRange) => {
    const outer = nameOfId(reader[kind], idRange.outer);
    return `${column(idRange.inner)} ${column(outer < 0 ? LAST_ID : outer)} ${column(idRange.count)}\n`;
  }).join('');
}
function rangesOf(text: string): IdRange[] | undefined {
  const out: IdRange[] = [];
  for (const line of text.replace(/\n$/, '').split('\n')) {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s*$/.exec(line),
      [inner, outer, count] = match ? [Number(match[1]), Number(match[2]), Number(match[3])]
      : [-1, -1, -1];
    if (inner! < 0 || count! < 1 || inner! + count! > LAST_ID || outer! + count! > LAST_ID) return undefined;
    const range = { inner: inner!, outer: outer!, count: count! };
    const meet = (own: number, other: number, n: number): boolean => own < other + n && other < own + range.count;
    if (out.some((o) => meet(range.inner, o.inner, o.count) || meet(range.outer, o.outer, o.count))) return undefined;
    out.push(range);
  }
  return out.length > MOST_RANGES ? undefined : out;
}
/**
 * Writes uid_map or gid_map: once, by a process that may set ids in the parent, or by the maker for its own id alone (groups: after
 * setgroups is denied).
 */
function writeMap(thread: Thread, process: Process, kind: 'users' | 'groups', text: string): number {
  const space = process.creds.users, { parent } = space;
  if (!parent || space[kind]) return -E.PERM;
  const ranges = rangesOf(text);
  if (!ranges) return -E.INVAL;
  if (thread.creds.users !== space && thread.creds.users !== parent) return -E.PERM;
  if (!capableIn(thread.creds, space, Cap.SYS_ADMIN) || !mayMap(thread, space, parent, kind, ranges)) return -E.PERM;
  const outer = ranges.map((r) => ({ ...r, outer: idOf(parent[kind], r.outer) }));
  if (outer.some((r, i) => r.outer < 0 || idOf(parent[kind], ranges[i]!.outer + r.count - 1) !== r.outer + r.count - 1)) return -E.PERM;
  if (!thread.k.frames.charge(RANGE_COST * outer.length)) return -E.NOMEM;
  process.cost += RANGE_COST * outer.length;
  space[kind] = outer;
  return 0;
}
function mayMap(thread: Thread, space: UserSpace, parent: UserSpace, kind: 'users' | 'groups', ranges: readonly IdRange[]): boolean {
  const own = kind === 'users' ? thread.creds.euid : thread.creds.egid, [only] = ranges;
  if (ranges.length === 1 && only!.count === 1 && thread.creds.euid === space.maker.uid && idOf(parent[kind], only!.outer) === own &&
    (kind === 'users' || !space.mayDropGroups)) return true;
  return capableIn(thread.creds, parent, kind === 'users' ? Cap.SETUID : Cap.SETGID);
}
function setGroups(thread: Thread, space: UserSpace, text: string): number {
  const word = text.trim();
  if (!capableIn(thread.creds, space, Cap.SYS_ADMIN)) return -E.ACCES;
  if (word !== 'allow' && word !== 'deny') return -E.INVAL;
  if (word === 'allow') return space.mayDropGroups ? 0 : -E.PERM;
  if (space.groups && space.mayDropGroups) return -E.PERM;
  space.mayDropGroups = false;
  return 0;
}
