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

export function bindTo(thread: Thread, socket: Socket, address: Address): Later<number> {
  if (address.family !== socket.family) return socket instanceof InetSocket ? -E.AFNOSUPPORT : -E.INVAL;
  if (socket instanceof NetlinkSocket) return socket.bind(thread, address);
  if (socket instanceof InetSocket) return socket.bindInet(thread, address);
  if (socket.keys.length > 0 || socket.inode) return address.path === '' ? 0 : -E.INVAL;
  return bindUnix(thread, socket, address);
}
function bindUnix(thread: Thread, socket: Socket, address: Address): Later<number> {
  if (address.path === '') address = unixAddress(`\0${thread.k.random.next().toString(16).padStart(5, '0').slice(-5)}`);
  if (!address.path.startsWith('\0')) return bindPath(thread, socket, address);
  return reserve(thread, socket, address);
}
function reserve(thread: Thread, socket: Socket, address: Address): number {
  const key = `unix${address.path}`, names = namesOf(thread.k).bound;
  if (names.has(key)) return -E.ADDRINUSE;
  names.set(key, socket);
  socket.keys = [key];
  socket.local = address;
  return 0;
}
const place = newWalkEnd();
function bindPath(thread: Thread, socket: Socket, address: Address): Later<number> {
  const failed = walk(thread, thread.proc.fs.cwd, address.path, WalkFlag.parent, place), { dir, name } = place;
  if (failed) return failed;
  if (place.inode) return -E.ADDRINUSE;
  if (isReadOnly(place.dirMount)) return -E.ROFS;
  if (!permitted(dir, May.WRITE | May.EXEC, thread.creds)) return -E.ACCES;
  return after(dir.make(name, S.IFSOCK | (0o777 & ~thread.proc.fs.umask), 0, ownerIn(thread, dir), thread), (inode) => {
    if (typeof inode === 'number') return inode;
    (inode as Endpoint).endpoint = socket;
    socket.inode = inode as Endpoint;
    socket.local = address;
    return 0;
  });
}
/** The socket bound to a Unix address. */
export function findUnix(thread: Thread, address: Address): Socket | number {
  if (address.path.startsWith('\0')) return namesOf(thread.k).bound.get(`unix${address.path}`) ?? -E.CONNREFUSED;
  const inode = inodeAt(thread, AT.FDCWD, address.path);
  if (typeof inode === 'number') return inode;
  if (inode.type !== S.IFSOCK) return -E.CONNREFUSED;
  if (!permitted(inode, May.WRITE, thread.creds)) return -E.ACCES;
  return ((inode as Endpoint).endpoint as Socket | undefined) ?? -E.CONNREFUSED;
}
