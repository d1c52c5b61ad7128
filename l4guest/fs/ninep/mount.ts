/** Folders behind 9P servers become mounts. */
import { E } from '../../abi/errno.ts';
import { Ms, S } from '../../abi/linux.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { persist } from '../../kernel/later.ts';
import type { Co, Sleeper } from '../../kernel/wait.ts';
import { Directory, type Inode } from '../inode.ts';
import { cover, newMount } from '../mount.ts';
import { topmost, type Mount } from '../path.ts';
import { makeNineInode } from './dir.ts';
import { NineFs } from './fs.ts';
import { NineSession, type FilesLink } from './session.ts';

export interface FolderMount { readonly path: string; readonly source: string; readonly readOnly: boolean }

/** Attaches to the server and mounts its tree at an absolute path; creates missing directories. 0 or -errno. */
export function* mountFolder(k: Kernel, sleeper: Sleeper, link: FilesLink, at: FolderMount): Co<number> {
  const fs = new NineFs(k, new NineSession(link, (ns, act) => { k.timers.add(k.clock.now() + ns, act); }), at.source, at.readOnly,
    makeNineInode), failed = yield* fs.begin(sleeper);
  if (failed) return failed;
  const names = at.path.split('/').filter((name) => name !== '' && name !== '.'),
    place = yield* persist(sleeper, k.clock.now(), () => placeFor(k, names), () => undefined);
  if (!place || fs.root.isDir !== place.inode.isDir) return -E.NOTDIR;
  cover(k, k.mounts, newMount(k, fs.root, at.source, at.readOnly ? Ms.RDONLY : 0), { ...place, dir: undefined, name: '' });
  return 0;
}
/** Finds the place of a mount before any process runs: links are not followed, and missing directories are created. */
function placeFor(k: Kernel, names: readonly string[]): { mount: Mount; inode: Inode } | undefined {
  let at: { mount: Mount; inode: Inode } = k.top;
  for (const name of names) {
    if (!(at.inode instanceof Directory)) return undefined;
    const found = at.inode.lookup(name, undefined as never) ?? at.inode.make(name, S.IFDIR | 0o755, 0);
    if (typeof found === 'number' || 'next' in found) return undefined;
    at = topmost(at.mount, found);
  }
  return at;
}
