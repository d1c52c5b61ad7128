/** /proc/sysvipc: the System V objects, one per line. */
import type { Kernel } from '../../kernel/kernel.ts';
import type { IpcObject } from '../../ipc/objects.ts';
import type { FileSystem } from '../inode.ts';
import { GeneratedDir } from '../generated.ts';

const pad = (x: number | string, n: number): string => String(x).padStart(n);
const present = <T extends IpcObject>(slots: readonly (T | undefined)[]): T[] => slots.filter((o): o is T => o !== undefined);
const head = (o: IpcObject): string => `${pad(o.perm.key, 10)} ${pad(o.id, 10)}  ${pad(o.perm.mode.toString(8), 4)}`;
const users = (o: IpcObject): string => `${pad(o.perm.uid, 5)} ${pad(o.perm.gid, 5)} ${pad(o.perm.cuid, 5)} ${pad(o.perm.cgid, 5)}`;

const tens = (...numbers: number[]): string[] => numbers.map((n) => pad(n, 10));
/** One line for each existing object. */
const rows = <T extends IpcObject>(slots: readonly (T | undefined)[], columns: (o: T) => string[]): string =>
  present(slots).map((o) => `${columns(o).join(' ')}\n`).join('');

export function sysvipcDir(fs: FileSystem, k: Kernel): GeneratedDir {
  const { ipc } = k;
  return new GeneratedDir(fs)
    .file('msg', () =>
      `       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n`
        + rows(ipc.msg.slots, (q) => [`${head(q)} `, ...tens(q.bytes, q.messages.length), pad(q.lspid, 5), pad(q.lrpid, 5), users(q),
          ...tens(q.stime, q.rtime, q.ctime)]))
    .file('sem', () =>
      `       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n`
        + rows(ipc.sem.slots, (s) => [head(s), ...tens(s.values.length), users(s), ...tens(s.otime, s.ctime)]))
    .file('shm', () =>
      `       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime       `
        + `            rss                  swap\n`
        + rows(ipc.shm.slots, (s) => [head(s), pad(s.size, 21), pad(s.cpid, 5), `${pad(s.lpid, 5)} `, pad(s.inode.areas.size, 5), users(s),
          ...tens(s.atime, s.dtime, s.ctime), pad(s.inode.blocks * 512, 21), pad(0, 21)]));
}
