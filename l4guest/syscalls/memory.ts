/** Memory calls: mmap and relatives, brk, madvise, memfd. */
import { install } from './fds.ts';
import { E } from '../abi/errno.ts';
import { Map_, O, PAGE, Prot, S } from '../abi/linux.ts';
import type { Thread } from '../kernel/thread.ts';
import { RegularFile, RegularInode } from '../fs/regular.ts';
import { advise, mapArea, protect, remap, roundUp, setBrk, unmap } from '../mm/mmap.ts';
import { copyOut } from '../mm/uaccess.ts';
import { pathArg, row, type Row } from './row.ts';

function mmap(t: Thread, at: number, length: number, prot: number, flags: number, fd: number, offset: number): number {
  const type = flags & Map_.TYPE;
  if (offset % PAGE !== 0 || length <= 0 || (type !== Map_.SHARED && type !== Map_.PRIVATE && type !== Map_.SHARED_VALIDATE)) return -E.INVAL;
  if (flags & Map_.ANONYMOUS) {
    if (type === Map_.PRIVATE) return mapArea(t.mm, { at, length, prot, flags });
    const shared = t.k.memfd(S.IFREG | 0o600);
    shared.nlink = 0;
    shared.truncate(roundUp(length));
    return mapArea(t.mm, { at, length, prot, flags, object: shared, name: '/dev/zero (deleted)' });
  }
  const f = t.proc.fds.get(fd | 0);
  if (!f) return -E.BADF;
  if (!f.readable) return -E.ACCES;
  const shared = type !== Map_.PRIVATE;
  if (shared && prot & Prot.WRITE && !f.writable) return -E.ACCES;
  const answer = f.map(t.mm, shared);
  if (typeof answer === 'number') return answer;
  return mapArea(t.mm, { at, length, prot, flags, object: answer.object, first: offset / PAGE, name: answer.name || f.path(t.proc.fs.root), mayWrite: !shared || f.writable });
}
function memfd(t: Thread, name: number, flags: number): number {
  if (flags & ~0x1f) return -E.INVAL;
  const text = pathArg(t, name);
  if (text.length > 249) return -E.INVAL;
  const inode = new RegularInode(t.k.root.fs, S.IFREG | 0o777), file = new RegularFile(inode, O.RDWR | O.LARGEFILE);
  inode.seals = flags & 2 ? 0 : 1;
  inode.nlink = 0;
  file.name = `/memfd:${text} (deleted)`;
  return install(t, file, (flags & 1) !== 0);
}
function mincore(t: Thread, at: number, length: number, va: number): number {
  if (at % PAGE !== 0) return -E.INVAL;
  const pages = roundUp(length) / PAGE, end = at + pages * PAGE;
  for (let va = at; va < end; ) { const area = t.mm.areas.find(va); if (!area) return -E.NOMEM; va = area.end; }
  const out = new Uint8Array(Math.max(0, pages));
  for (let i = 0; i < pages; i++) {
    out[i] = t.mm.table.get(at / PAGE + i) === 0 ? 0 : 1;
  }
  copyOut(t.mm, va, out);
  return 0;
}
const inRange = (t: Thread, at: number): number => (at % PAGE !== 0 ? -E.INVAL : t.mm.areas.find(at) ? 0 : -E.NOMEM);

export const memoryCalls: Row[] = [
  row('brk', (t, end) => setBrk(t.mm, end)),
  row('mmap', mmap),
  row('munmap', (t, at, length) => unmap(t.mm, at, length)),
  row('mprotect', (t, at, length, prot) => protect(t.mm, at, length, prot)),
  row('pkey_mprotect', (t, at, length, prot, key) => (key === -1 ? protect(t.mm, at, length, prot) : -E.INVAL)),
  row('pkey_alloc', () => -E.NOSPC), row('pkey_free', () => -E.INVAL),
  row('mremap', (t, at, old, length, flags, to) => remap(t.mm, at, old, length, flags, to)),
  row('madvise', (t, at, length, advice) => advise(t.mm, at, length, advice)),
  row('msync', (t, at, _length, flags) => (flags & ~7 || (flags & 5) === 5 ? -E.INVAL : inRange(t, at))),
  row('mlock', () => 0, { note: 'nothing is ever paged out' }), row('mlock2', () => 0), row('munlock', () => 0),
  row('mlockall', () => 0), row('munlockall', () => 0),
  row('mincore', mincore),
  row('memfd_create', memfd),
  row('mbind', () => 0, { support: 'none' }), row('get_mempolicy', () => -E.NOSYS), row('set_mempolicy', () => 0, { support: 'none' }),
  row('riscv_flush_icache', () => 0),
  row('membarrier', (_t, command) => (command === 0 ? 0 : -E.INVAL), { note: 'reports no commands' }),
];
