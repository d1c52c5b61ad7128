/** Binds sockets to names: paths in the file system, abstract names, ports. */
import { ownerIn } from '../fs/open.ts';
import { isReadOnly } from '../fs/path.ts';
import { May, WalkFlag, inodeAt, newWalkEnd, permitted, walk } from '../fs/walk.ts';
import type { Inode } from '../fs/inode.ts';
import { AT, S } from '../abi/linux.ts';
import { E } from '../abi/errno.ts';
import { after, type Later } from '../kernel/later.ts';
import type { Thread } from '../kernel/thread.ts';
import { unixAddress, type Address } from './address.ts';
import { InetSocket } from './inet/socket.ts';
import { NetlinkSocket } from './netlink/socket.ts';
import { namesOf, type Socket } from './socket.ts';

type Endpoint = Inode & { endpoint: unknown };

export function bindTo(t: Thread, s: Socket, a: Address): Later<number> {
  if (a.family !== s.family) return s instanceof InetSocket ? -E.AFNOSUPPORT : -E.INVAL;
  if (s instanceof NetlinkSocket) return s.bind(t, a);
  if (s instanceof InetSocket) return s.bindInet(t, a);
  if (s.keys.length > 0 || s.inode) return a.path === '' ? 0 : -E.INVAL;
  return bindUnix(t, s, a);
}
function bindUnix(t: Thread, s: Socket, a: Address): Later<number> {
  if (a.path === '') a = unixAddress(`\0${t.k.random.next().toString(16).padStart(5, '0').slice(-5)}`);
  if (!a.path.startsWith('\0')) return bindPath(t, s, a);
  return reserve(t, s, a);
}
function reserve(t: Thread, s: Socket, a: Address): number {
  const key = `unix${a.path}`, names = namesOf(t.k).bound;
  if (names.has(key)) return -E.ADDRINUSE;
  names.set(key, s);
  s.keys = [key];
  s.local = a;
  return 0;
}
const place = newWalkEnd();
function bindPath(t: Thread, s: Socket, a: Address): Later<number> {
  const failed = walk(t, t.proc.fs.cwd, a.path, WalkFlag.parent, place), { dir, name } = place;
  if (failed) return failed;
  if (place.inode) return -E.ADDRINUSE;
  if (isReadOnly(place.dirMount)) return -E.ROFS;
  if (!permitted(dir, May.WRITE | May.EXEC, t.creds)) return -E.ACCES;
  return after(dir.make(name, S.IFSOCK | (0o777 & ~t.proc.fs.umask), 0, ownerIn(t, dir), t), (inode) => {
    if (typeof inode === 'number') return inode;
    (inode as Endpoint).endpoint = s;
    s.inode = inode as Endpoint;
    s.local = a;
    return 0;
  });
}
/** The socket bound to a Unix address. */
export function findUnix(t: Thread, a: Address): Socket | number {
  if (a.path.startsWith('\0')) return namesOf(t.k).bound.get(`unix${a.path}`) ?? -E.CONNREFUSED;
  const inode = inodeAt(t, AT.FDCWD, a.path);
  if (typeof inode === 'number') return inode;
  if (inode.type !== S.IFSOCK) return -E.CONNREFUSED;
  if (!permitted(inode, May.WRITE, t.creds)) return -E.ACCES;
  return ((inode as Endpoint).endpoint as Socket | undefined) ?? -E.CONNREFUSED;
}
