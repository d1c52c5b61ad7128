/** /proc/sysvipc: what there is of System V's kinds, one a line. */
import type { Kernel } from '../../kernel/kernel.ts';
import type { IpcObject } from '../../ipc/objects.ts';
import type { FileSystem } from '../inode.ts';
import { GeneratedDir } from '../generated.ts';

const pad = (x: number | string, n: number): string => String(x).padStart(n);
const present = <T extends IpcObject>(slots: readonly (T | undefined)[]): T[] => slots.filter((o): o is T => o !== undefined);
const head = (o: IpcObject): string => `${pad(o.perm.key, 10)} ${pad(o.id, 10)}  ${pad(o.perm.mode.toString(8), 4)}`;
const users = (o: IpcObject): string => `${pad(o.perm.uid, 5)} ${pad(o.perm.gid, 5)} ${pad(o.perm.cuid, 5)} ${pad(o.perm.cgid, 5)}`;

export function sysvipcDir(fs: FileSystem, k: Kernel): GeneratedDir {
  const { ipc } = k;
  return new GeneratedDir(fs)
    .file('msg', () =>
      `       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n`
        + `${present(ipc.msg.slots).map((q) => `${head(q)}  ${pad(q.bytes, 10)} ${pad(q.messages.length, 10)} ${pad(q.lspid, 5)} ${pad(q.lrpid, 5)} ${users(q)} ${pad(q.stime, 10)} ${pad(q.rtime, 10)} ${pad(q.ctime, 10)}\n`).join('')}`)
    .file('sem', () =>
      `       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n`
        + `${present(ipc.sem.slots).map((s) => `${head(s)} ${pad(s.values.length, 10)} ${users(s)} ${pad(s.otime, 10)} ${pad(s.ctime, 10)}\n`).join('')}`)
    .file('shm', () =>
      `       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime       `
        + `            rss                  swap\n`
        + `${present(ipc.shm.slots).map((s) => `${head(s)} ${pad(s.size, 21)} ${pad(s.cpid, 5)} ${pad(s.lpid, 5)}  ${pad(s.inode.areas.size, 5)} ${users(s)} ${pad(s.atime, 10)} ${pad(s.dtime, 10)} ${pad(s.ctime, 10)} ${pad(s.inode.blocks * 512, 21)} ${pad(0, 21)}\n`).join('')}`);
}
