/**
 * The root file system folder made of busybox: /bin with a link per applet, the few files in /etc that programs ask for, and empty
 * mount points. The layout is merged: /sbin, /usr/bin and /usr/sbin lead to /bin.
 */
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CliError, Exit } from '../errors.ts';
import { appletsOf } from './applets.ts';

const folders = ['bin', 'dev', 'etc', 'home', 'lib', 'mnt', 'proc', 'root', 'run', 'sys', 'tmp', 'usr', 'var', 'var/log', 'var/tmp'];

const links: Record<string, string> = {
  sbin: 'bin', 'usr/bin': '../bin', 'usr/sbin': '../bin', 'usr/lib': '../lib', 'etc/mtab': '../proc/mounts'
};

const files: Record<string, string> = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/:/bin/false\nuser:x:1000:1000:user:/home:/bin/sh\n'
    + 'nobody:x:65534:65534:nobody:/:/bin/false\n',
  'etc/group': 'root:x:0:\ndaemon:x:1:\ntty:x:5:\nuser:x:1000:\nnogroup:x:65534:\n',
  'etc/hostname': 'tessera\n',
  'etc/hosts': '127.0.0.1 localhost\n',
  'etc/shells': '/bin/sh\n',
  'etc/profile': "export PATH=/bin:/sbin:/usr/bin:/usr/sbin\nexport HOME=${HOME:-/root}\nPS1='\\u@\\h:\\w\\$ '\n",
  'etc/issue': 'Tessera\n',
};

/** Builds the folder anew from a busybox executable. Returns the number of applets. */
export function makeRootfs(folder: string, busybox: string): number {
  const applets = appletsOf(readFileSync(busybox));
  if (applets.length < 50)
    throw new CliError('E_BUSYBOX', `'${busybox}' holds no table of applets`, 'fetch the package again', Exit.failure);
  rmSync(folder, { recursive: true, force: true });
  for (const name of folders) mkdirSync(join(folder, name), { recursive: true });
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(folder, name));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  copyFileSync(busybox, join(folder, 'bin/busybox'));
  chmodSync(join(folder, 'bin/busybox'), 0o755);
  for (const name of ['tmp', 'var/tmp']) chmodSync(join(folder, name), 0o1777);
  for (const name of applets) if (name !== 'busybox') symlinkSync('busybox', join(folder, 'bin', name));
  return applets.length;
}
