/** /proc/sys: the settings of kernel/sysctl.ts as files, and a few that belong elsewhere (system names, random numbers). */
import { Cap } from '../../abi/linux.ts';
import { LAST_PID, capableIn } from '../../kernel/spaces.ts';
import { capable } from '../../kernel/creds.ts';
import { E } from '../../abi/errno.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Thread } from '../../kernel/thread.ts';
import { settings, type Setting } from '../../kernel/sysctl.ts';
import { RELEASE, VERSION } from '../../kernel/version.ts';
import { GeneratedDir, GeneratedInode, type Content, type GeneratedFs } from '../generated.ts';

/** The directory of a path below `root`; creates missing ones. */
function directory(root: GeneratedDir, fs: GeneratedFs, path: readonly string[]): GeneratedDir {
  let dir = root;
  for (const name of path) {
    const next = dir.fixed(name) ?? new GeneratedDir(fs);
    if (!dir.fixed(name)) dir.add(name, next);
    dir = next as GeneratedDir;
  }
  return dir;
}
function settingFile(k: Kernel, fs: GeneratedFs, setting: Setting): GeneratedInode {
  const accept = (t: Thread, text: string): number =>
    (setting.name.startsWith('kernel/') && !capable(t.creds, Cap.SYS_ADMIN) ? -E.PERM : k.sysctl.set(setting.name, text));
  return new GeneratedInode(fs, () => k.sysctl.show(setting.name), setting.mode === 0o444 ? undefined : accept, setting.mode ?? 0o644);
}
export function sysctlTree(k: Kernel, fs: GeneratedFs): GeneratedDir {
  const root = new GeneratedDir(fs);
  const put = (path: string, file: GeneratedInode): void => {
    const parts = path.split('/');
    directory(root, fs, parts.slice(0, -1)).add(parts[parts.length - 1]!, file);
  };
  const shown = (path: string, content: Content): void => put(path, new GeneratedInode(fs, content));
  for (const setting of settings) put(setting.name, settingFile(k, fs, setting));
  const line = (text: string): string => text.replace(/\n.*$/s, '').slice(0, 64);
  put('kernel/hostname', new GeneratedInode(fs, (t) => `${t.proc.uts.host}\n`, (t, text) => { t.proc.uts.host = line(text); return 0; }));
  put('kernel/domainname',
    new GeneratedInode(fs, (t) => `${t.proc.uts.domain}\n`, (t, text) => { t.proc.uts.domain = line(text); return 0; }));
  put('kernel/ns_last_pid', new GeneratedInode(fs, (t) => `${t.proc.numbers.last}\n`, (t, text) => setLast(t, text), 0o666));
  shown('kernel/osrelease', () => `${RELEASE}\n`);
  shown('kernel/ostype', () => 'Linux\n');
  shown('kernel/version', () => `${VERSION}\n`);
  shown('kernel/random/boot_id', () => '7e55e7a0-0000-4000-8000-000000000001\n');
  shown('kernel/random/uuid', () => uuid(k));
  shown('kernel/random/entropy_avail', () => '256\n');
  shown('kernel/random/poolsize', () => '256\n');
  shown('fs/file-nr', () => `0\t0\t${k.sysctl.show('fs/file-max')}`);
  shown('fs/inode-nr', () => '0\t0\n');
  shown('fs/inode-state', () => '0\t0\t0\t0\t0\t0\t0\n');
  shown('fs/dentry-state', () => '0\t0\t45\t0\t0\t0\n');
  return root;
}
/** Sets the last process number given in the own space (ns_last_pid). */
function setLast(thread: Thread, text: string): number {
  const n = Number(text.trim()), { numbers } = thread.proc;
  if (!capableIn(thread.creds, numbers.owner, Cap.SYS_ADMIN) && !capableIn(thread.creds, numbers.owner, Cap.CHECKPOINT_RESTORE))
    return -E.PERM;
  if (!/^\d+$/.test(text.trim()) || n > LAST_PID) return -E.INVAL;
  numbers.last = n;
  return 0;
}
function uuid(k: Kernel): string {
  const text = [...k.random.bytes(16)].map((b, i) =>
    (i === 6 ? (b & 15) | 64 : i === 8 ? (b & 63) | 128 : b).toString(16).padStart(2, '0')).join(
    '');
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20)}\n`;
}
