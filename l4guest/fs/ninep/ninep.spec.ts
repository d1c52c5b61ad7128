import { appendFileSync, existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, renameSync, rmSync,
  statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { finderFor } from '../../../cli/folders/find.ts';
import { NodeFolder } from '../../../cli/folders/folder.ts';
import { NineServer } from '../../../system/folders/server.ts';
import { SharedFolder } from '../../../system/folders/shared.ts';
import { E } from '../../abi/errno.ts';
import { Map_, O, Prot } from '../../abi/linux.ts';
import { getU8, setU8 } from '../../mm/uaccess.ts';
import { Unix } from '../../testing/unix.ts';
import type { Inode } from '../inode.ts';
import type { TmpDir } from '../tmpfs.ts';
import { mountFolder } from './mount.ts';
import { beginAs } from './origin.ts';
import type { FilesLink } from './session.ts';

/** Carries messages at once, or when the test says so. */
class TestLink implements FilesLink {
  readonly most = 65536;
  prompt = true;
  messages = 0;
  private readonly waiting: (() => void)[] = [];
  private readonly server: NineServer;
  constructor(server: NineServer) { this.server = server; }
  send(message: Uint8Array, reply: (answer: Uint8Array | undefined) => void): void {
    this.messages++;
    const go = (): void => { this.server.request(message.slice(), (bytes) => reply(bytes.slice())); };
    if (this.prompt) go(); else this.waiting.push(go);
  }
  deliver(): boolean { const go = this.waiting.shift(); go?.(); return go !== undefined; }
}

let base: string, u: Unix, link: TestLink;
const host = (name: string): string => join(base, name);
function open(readOnly = false, epoch?: number): void {
  const shared = new SharedFolder(new NodeFolder(base, finderFor(base)), !readOnly, () => 0n);
  link = new TestLink(new NineServer(shared));
  u = new Unix({ epoch });
  let failed: number | undefined;
  u.k.workers.start(function* (t) { failed = yield* mountFolder(u.k, t, link, { path: '/mnt/host', source: 'host', readOnly }); });
  expect(failed).toBe(0);
}
beforeEach(() => { base = mkdtempSync(join(tmpdir(), 'tessera-ninep-')); open(); });
afterEach(() => { rmSync(base, { recursive: true, force: true }); });
const list = (): string[] => u.list('/mnt/host').sort();
const later = (): void => { u.pass(2e7); };
const put = (path: string, text: string, flags = 0): number => {
  const fd = u.open(path, O.CREAT | O.WRONLY | flags), n = fd < 0 ? fd : u.write(fd, text)!;
  u.call('close', fd);
  return n;
};
const get = (path: string): string | number => {
  const fd = u.open(path), text = fd < 0 ? fd : u.read(fd)!;
  u.call('close', fd);
  return text;
};

describe('messages of a live folder', () => {
  const files = Array.from({ length: 64 }, (_, i) => `f${String(i).padStart(2, '0')}`);
  const counted = (act: () => void): number => { const before = link.messages; act(); return link.messages - before; };
  it("files read one after the other come sixteen per message, with the host's contents", () => {
    for (const text of files) writeFileSync(host(text), `text of ${text}`);
    const names = list().filter((n) => n.startsWith('f'));
    expect(names).toEqual(files);
    expect(counted(() => {
      for (const f of u.list('/mnt/host')) if (f.startsWith('f')) expect(get(`/mnt/host/${f}`)).toBe(`text of ${f}`);
    })).toBeLessThan(24);
  });
  it('contents read ahead are valid for a moment; after it, or after any outside input, the host is asked', () => {
    for (const name of files) writeFileSync(host(name), 'old');
    const order = u.list('/mnt/host').filter((n) => n.startsWith('f'));
    for (const name of order.slice(0, 20)) expect(get(`/mnt/host/${name}`)).toBe('old');
    for (const name of files) writeFileSync(host(name), 'newer');
    later();
    for (const name of order.slice(20)) expect(get(`/mnt/host/${name}`)).toBe('newer');
    for (const name of files) writeFileSync(host(name), 'newest one');
    u.k.lastArrival = u.k.clock.now();
    for (const name of order) expect(get(`/mnt/host/${name}`)).toBe('newest one');
  });
  it('a name that is removed, or becomes a folder or a link, while it is read ahead', () => {
    for (const name of files) writeFileSync(host(name), 'x');
    const order = u.list('/mnt/host').filter((n) => n.startsWith('f'));
    for (const name of order.slice(0, 16)) get(`/mnt/host/${name}`);
    const [gone, folder, linked, last] = order.slice(-4) as [string, string, string, string];
    for (const name of [gone, folder, linked]) rmSync(host(name));
    mkdirSync(host(folder)); symlinkSync(last, host(linked));
    later();
    expect(order.slice(16).map((f) => get(`/mnt/host/${f}`)))
      .toEqual([...order.slice(16, -4).map(() => 'x'), -E.NOENT, -E.ISDIR, 'x', 'x']);
  });
  it('creating, writing and closing a new file takes three messages, and looking at it few', () => {
    expect(counted(() => { for (let i = 0; i < 32; i++) put(`/mnt/host/n${i}`, 'text'); })).toBeLessThan(3 * 32 + 4);
    expect(readdirSync(base).length).toBe(32);
    later();
    const at = u.space(128);
    expect(counted(() => {
      for (let i = 0; i < 32; i++) expect(u.call('newfstatat', -100, `/mnt/host/n${i}`, at, 0)).toBe(0);
    })).toBeLessThan(36);
  });
  it('names that are looked at, or removed, in listing order come sixteen per message', () => {
    for (const name of files) writeFileSync(host(name), 'x');
    const order = u.list('/mnt/host').filter((n) => n.startsWith('f')), at = u.space(128);
    expect(counted(() => { for (const f of order) expect(u.call('newfstatat', -100, `/mnt/host/${f}`, at, 0)).toBe(0); })).toBeLessThan(16);
    later();
    expect(counted(() => { for (const f of order) expect(u.call('unlinkat', -100, `/mnt/host/${f}`, 0)).toBe(0); })).toBeLessThan(64 + 12);
    expect(readdirSync(base)).toEqual([]);
  });
  it('a name that was known is removed without a look: what the host has made of it meanwhile decides', () => {
    const names = ['gone', 'folder', 'linked', 'other', 'moved'].map((name) => `f-${name}`),
      [gone, folder, linked, other, moved] = names as [string, string, string, string, string];
    for (const name of names) { writeFileSync(host(name), name); expect(get(`/mnt/host/${name}`)).toBe(name); }
    const fd = u.open(`/mnt/host/${other}`), kept = u.open(`/mnt/host/${moved}`);
    rmSync(host(gone)); rmSync(host(folder)); mkdirSync(host(folder)); rmSync(host(linked)); symlinkSync('x', host(linked));
    rmSync(host(other)); writeFileSync(host(other), 'another'); renameSync(host(moved), host('elsewhere'));
    later();
    expect(names.map((f) => u.call('unlinkat', -100, `/mnt/host/${f}`, 0))).toEqual([-E.NOENT, -E.ISDIR, 0, 0, -E.NOENT]);
    expect([readdirSync(base).sort(), u.read(fd), u.read(kept)]).toEqual([['elsewhere', folder], other, moved]);
    expect([get('/mnt/host/elsewhere'), u.call('unlinkat', -100, `/mnt/host/${folder}`, 0x200)]).toEqual([moved, 0]);
  });
  it('a name that the host removes, or replaces, before and after it is looked up ahead', () => {
    for (const name of files) writeFileSync(host(name), 'x');
    const order = u.list('/mnt/host').filter((n) => n.startsWith('f')), at = u.space(128), look = (f: string): number | undefined =>
      u.call('newfstatat', -100, `/mnt/host/${f}`, at, 0);
    for (const name of order.slice(0, 8)) look(name);
    const [gone, after] = [order[40]!, order[50]!];
    rmSync(host(gone));
    expect(order.slice(8, 48).map(look)).toEqual(order.slice(8, 48).map((f) => (f === gone ? -E.NOENT : 0)));
    rmSync(host(after));
    later();
    expect(order.slice(48).map(look)).toEqual(order.slice(48).map((f) => (f === after ? -E.NOENT : 0)));
  });
  it('a listing is charged once: it fails with ENOMEM if memory is short, and the charge is returned', () => {
    for (let i = 0; i < 1500; i++) writeFileSync(host(`file-${i}`), '');
    const fd = u.open('/mnt/host', 0o200000), at = u.space(4096), { frames } = u.k;
    for (let n = 2 ** 20; n >= 4096; ) if (!frames.charge(n)) n /= 2;
    frames.uncharge(60_000);
    const { idle } = frames;
    expect([u.call('getdents64', fd, at, 4096), frames.idle]).toEqual([-E.NOMEM, idle]);
    for (let i = 100; i < 1500; i++) rmSync(host(`file-${i}`));
    later();
    for (let round = 0; round < 3; round++) { later(); expect(list().length).toBe(102); }
    expect(idle - frames.idle).toBeLessThan(12);
  });
  it('O_CREAT leaves an existing file as it is', () => {
    writeFileSync(host('file'), 'text'); mkdirSync(host('folder')); symlinkSync('file', host('link')); symlinkSync('new', host('nowhere'));
    const made = (name: string, flags = 0): number => u.open(`/mnt/host/${name}`, O.CREAT | O.RDWR | flags, 0o640);
    expect([made('file', O.EXCL), made('link', O.EXCL), made('nowhere', O.EXCL), made('folder')])
      .toEqual([-E.EXIST, -E.EXIST, -E.EXIST, -E.ISDIR]);
    expect(['file', 'link'].map((name) => u.read(made(name)))).toEqual(['text', 'text']);
    later();
    expect([made('file/x'), made('none/x'), made('none/')]).toEqual([-E.NOTDIR, -E.NOENT, -E.ISDIR]);
    expect([made('nowhere'), made('fresh', O.EXCL), made('fresh', O.EXCL)].map((fd) => fd >= 0)).toEqual([true, true, false]);
    expect([statSync(host('new')).mode & 0o777, readdirSync(base).sort()])
      .toEqual([0o640, ['file', 'folder', 'fresh', 'link', 'new', 'nowhere']]);
  });
  it('a file that was written and closed is not held open: the host can run it without ETXTBSY', () => {
    put('/mnt/host/tool', 'x');
    later();
    const held = readdirSync('/proc/self/fd').flatMap((fd) =>
      { try { return [readlinkSync(`/proc/self/fd/${fd}`)]; } catch { return []; } });
    expect(held).not.toContain(host('tool'));
  });
});

describe('a live folder', () => {
  it("shows the host's files, and their changes", () => {
    writeFileSync(host('a'), 'one');
    expect([get('/mnt/host/a'), get('/mnt/host/b'), list()]).toEqual(['one', -E.NOENT, ['.', '..', 'a']]);
    writeFileSync(host('a'), 'two, longer'); writeFileSync(host('b'), 'new');
    later();
    expect([get('/mnt/host/a'), get('/mnt/host/b'), list()]).toEqual(['two, longer', 'new', ['.', '..', 'a', 'b']]);
    renameSync(host('a'), host('c'));
    later();
    expect([get('/mnt/host/a'), get('/mnt/host/c')]).toEqual([-E.NOENT, 'two, longer']);
  });
  it('has no extended attributes, and refuses to set one', () => {
    writeFileSync(host('a'), 'x');
    const at = u.space(16);
    expect([u.call('setxattr', '/mnt/host/a', 'user.x', at, 1, 0), u.call('getxattr', '/mnt/host/a', 'user.x', at, 16),
      u.call('listxattr', '/mnt/host/a', at, 16), u.call('removexattr', '/mnt/host', 'user.x'), u.call('lsetxattr', '/mnt/host/a',
        'security.x', at, 1, 0)]).toEqual([-E.OPNOTSUPP, -E.OPNOTSUPP, -E.OPNOTSUPP, -E.OPNOTSUPP, -E.OPNOTSUPP]);
  });
  it('has on the host what a write has returned for', () => {
    expect(put('/mnt/host/new', 'hello')).toBe(5);
    expect(readFileSync(host('new'), 'utf8')).toBe('hello');
    const fd = u.open('/mnt/host/new', O.RDWR);
    expect([
      u.call('pwrite64', fd, 'J', 1, 0), readFileSync(host('new'), 'utf8'), u.call('ftruncate', fd, 2), readFileSync(host('new'), 'utf8')
    ]).toEqual([1, 'Jello', 0, 'Je']);
    appendFileSync(host('new'), ' from the host');
    later();
    const add = u.open('/mnt/host/new', O.WRONLY | O.APPEND);
    expect([u.write(add, '!'), readFileSync(host('new'), 'utf8'), u.call('lseek', fd, 0, 2)]).toEqual([1, 'Je from the host!', 17]);
  });
  it('creates, renames, links and removes names on the host', () => {
    expect([
      u.call('mkdirat', -100, '/mnt/host/d', 0o755), put('/mnt/host/d/x', 'x'),
      u.call('linkat', -100, '/mnt/host/d/x', -100, '/mnt/host/y', 0), u.call('symlinkat', 'd/x', -100, '/mnt/host/l')
    ]).toEqual([0, 1, 0, 0]);
    expect([
      get('/mnt/host/l'), statSync(host('y')).nlink, u.call('renameat', -100, '/mnt/host/y', -100, '/mnt/host/d/z'),
      readdirSync(host('d')).sort()
    ]).toEqual(['x', 2, 0, ['x', 'z']]);
    expect([
      u.call('unlinkat', -100, '/mnt/host/d', 0x200), u.call('unlinkat', -100, '/mnt/host/d/x', 0),
      u.call('unlinkat', -100, '/mnt/host/d/z', 0), u.call('unlinkat', -100, '/mnt/host/d', 0x200), existsSync(host('d'))
    ]).toEqual([-E.NOTEMPTY, 0, 0, 0, false]);
    expect([
      u.open('/mnt/host/a', O.CREAT | O.EXCL) >= 0, u.open('/mnt/host/a', O.CREAT | O.EXCL), u.call('mkdirat', -100, '/mnt/host/a', 0o755)
    ]).toEqual([true, -E.EXIST, -E.EXIST]);
  });
  it("sets permission bits and times; the host's errors become the guest's", () => {
    put('/mnt/host/a', 'x');
    const times = new Uint8Array(32), view = new DataView(times.buffer);
    view.setBigInt64(0, 1000n, true); view.setBigInt64(16, 2000n, true);
    expect([
      u.call('fchmodat', -100, '/mnt/host/a', 0o640), u.call('utimensat', -100, '/mnt/host/a', times, 0),
      u.call('fchownat', -100, '/mnt/host/a', 1234, 1234, 0)
    ]).toEqual([0, 0, -E.PERM]);
    expect([statSync(host('a')).mode & 0o777, statSync(host('a')).mtimeMs]).toEqual([0o640, 2_000_000]);
    mkdirSync(host('d'));
    expect([
      u.call('unlinkat', -100, '/mnt/host/d', 0), put('/mnt/host/d', 'x'), u.call('truncate', '/mnt/host/none', 1),
      put(`/mnt/host/${'n'.repeat(256)}`, 'x')
    ]).toEqual([-E.ISDIR, -E.ISDIR, -E.NOENT, -E.NAMETOOLONG]);
  });
  it('follows no link out of the folder, except its own root', () => {
    symlinkSync('/etc', host('out')); symlinkSync('/tmp/guest', host('in'));
    put('/tmp/guest', 'the guest\'s own');
    expect([get('/mnt/host/out/passwd'), get('/mnt/host/in')]).toEqual([-E.NOENT, 'the guest\'s own']);
  });
  it('keeps names as bytes', () => {
    const name = Buffer.from([0x6e, 0xff, 0x0a, 0x78]);
    writeFileSync(Buffer.concat([Buffer.from(`${base}/`), name]), 'odd');
    const at = u.put(Buffer.concat([Buffer.from('/mnt/host/'), name, Buffer.from([0])])), fd = u.call('openat', -100, at, 0, 0)!;
    expect(u.read(fd)).toBe('odd');
  });
  it('keeps FIFOs and sockets of the guest within the guest', () => {
    expect([
      u.call('mknodat', -100, '/mnt/host/fifo', 0o010644, 0), list(), existsSync(host('fifo'))
    ]).toEqual([0, ['.', '..', 'fifo'], false]);
    const fd = u.open('/mnt/host/fifo', O.RDWR);
    expect([u.write(fd, 'through'), u.read(fd)]).toEqual([7, 'through']);
  });
  it('does not change if it is mounted read-only', () => {
    writeFileSync(host('a'), 'x');
    open(true);
    expect([
      get('/mnt/host/a'), put('/mnt/host/a', 'y'), put('/mnt/host/b', 'y'), u.call('unlinkat', -100, '/mnt/host/a', 0)
    ]).toEqual(['x', -E.ROFS, -E.ROFS, -E.ROFS]);
  });
  it('a file without names stays readable while it is open', () => {
    put('/mnt/host/a', 'still here');
    const fd = u.open('/mnt/host/a');
    expect([u.call('unlinkat', -100, '/mnt/host/a', 0), existsSync(host('a')), u.read(fd)]).toEqual([0, false, 'still here']);
  });
});

describe('mappings of a live folder', () => {
  const map = (fd: number, shared: boolean, length = 8192): number =>
    u.call('mmap', 0, length, Prot.READ | Prot.WRITE, shared ? Map_.SHARED : Map_.PRIVATE, fd, 0)!;
  it('a page is fetched when a call touches it; private stores stay private', () => {
    writeFileSync(host('a'), 'x'.repeat(5000));
    const fd = u.open('/mnt/host/a', O.RDWR), at = map(fd, false), out = u.open('/tmp/out', O.CREAT | O.RDWR);
    expect([u.call('write', out, at + 4096, 904), u.call('pread64', fd, at, 3, 10)]).toEqual([904, 3]);
    setU8(u.main.mm, at, 65);
    expect(readFileSync(host('a'), 'utf8')[0]).toBe('x');
  });
  it('stores to a shared mapping reach the host with msync, fsync or the last unmap, every time', () => {
    writeFileSync(host('a'), 'abcdef');
    const fd = u.open('/mnt/host/a', O.RDWR), at = map(fd, true), text = (): string => readFileSync(host('a'), 'utf8'), mm = u.main.mm;
    expect(u.call('write', u.open('/tmp/o', O.CREAT | O.WRONLY), at, 1)).toBe(1);
    setU8(mm, at, 65);
    expect([text(), u.call('msync', at, 4096, 4), text()]).toEqual(['abcdef', 0, 'Abcdef']);
    setU8(mm, at + 1, 66);
    expect([u.call('fsync', fd), text()]).toEqual([0, 'ABcdef']);
    setU8(mm, at + 2, 67);
    expect([u.call('munmap', at, 8192), text()]).toEqual([0, 'ABCdef']);
  });
  it("sees this side's writes at once, and the host's when the file is opened again", () => {
    writeFileSync(host('a'), 'abcdef');
    const fd = u.open('/mnt/host/a', O.RDWR), at = map(fd, false), mm = u.main.mm;
    u.call('write', u.open('/tmp/o', O.CREAT | O.WRONLY), at, 1);
    u.call('pwrite64', fd, 'X', 1, 0);
    expect(getU8(mm, at)).toBe(88);
    later();
    writeFileSync(host('a'), 'other!');
    u.call('close', u.open('/mnt/host/a'));
    u.call('write', u.open('/tmp/o', O.WRONLY), at, 1);
    expect(getU8(mm, at)).toBe(111);
  });
});

describe('a slow host', () => {
  it('delays only those who ask it', () => {
    writeFileSync(host('a'), 'text');
    link.prompt = false;
    const child = u.fork(), path = u.put(new TextEncoder().encode('/mnt/host/a\0'), child);
    expect(u.callOf(child, 'openat', -100, path, 0, 0)).toBe(undefined);
    expect(put('/tmp/meanwhile', 'goes on')).toBe(7);
    while (link.deliver()) u.settle();
    const fd = u.results.get(child)!, at = u.space(10);
    expect(fd).toBeGreaterThanOrEqual(0);
    expect(u.callOf(child, 'read', fd, at, 10)).toBe(undefined);
    while (link.deliver()) u.settle();
    expect([u.results.get(child), u.text(at, 4, child)]).toEqual([4, 'text']);
  });
  it('a thread that ends while it waits leaves nothing behind', () => {
    writeFileSync(host('a'), 'text');
    link.prompt = false;
    const child = u.fork();
    u.callOf(child, 'openat', -100, u.put(new TextEncoder().encode('/mnt/host/a\0'), child), 0, 0);
    u.k.endProcess(child.proc, 9);
    while (link.deliver()) u.settle();
    link.prompt = true;
    expect(get('/mnt/host/a')).toBe('text');
  });
});

describe('a recent answer', () => {
  it('is valid until outside input arrives', () => {
    writeFileSync(host('a'), 'one');
    expect(get('/mnt/host/a')).toBe('one');
    link.messages = 0;
    expect([get('/mnt/host/a'), link.messages <= 2]).toEqual(['one', true]);
    rmSync(host('a'));
    u.k.lastArrival = u.k.clock.now();
    expect(get('/mnt/host/a')).toBe(-E.NOENT);
  });
});

describe('the wall clock of a guest with a live folder', () => {
  const wall = (): number => { const { s, n } = u.k.clock.wall(); return s + n / 1e9; },
    seconds = (name: string): number => statSync(host(name)).mtimeMs / 1000;
  const look = (name: string): void => { later(); get(`/mnt/host/${name}`); later(); u.call('faccessat', -100, `/mnt/host/${name}`, 4); };
  /** The guest's clock is this many seconds behind the host's. */
  const behind = (s: number): void => { open(false, Math.floor(Date.now() / 1000) - s); };
  it("advances to the time of a host's change if it was behind; the own clock does not", () => {
    behind(5);
    const before = u.k.clock.now();
    writeFileSync(host('a'), 'text');
    look('a');
    expect([wall() >= seconds('a'), wall() < seconds('a') + 1, u.k.clock.now() - before < 1e9]).toEqual([true, true, true]);
    const ahead = wall();
    writeFileSync(host('a'), 'other');
    u.pass(3e9);
    look('a');
    expect(wall() - ahead).toBeGreaterThanOrEqual(2.999);
    expect(wall() - ahead).toBeLessThan(3.5);
  });
  it('ignores times in the future and a day ahead, and stops following once the guest has set it', () => {
    behind(5);
    writeFileSync(host('a'), 'text');
    utimesSync(host('a'), 4e9, 4e9);
    look('a');
    expect(wall()).toBeLessThan(Date.now() / 1000 + 1);
    behind(200_000);
    writeFileSync(host('b'), 'text');
    look('b');
    expect(wall()).toBeLessThan(Date.now() / 1000 - 199_990);
    u.k.clock.setWall(Math.floor(Date.now() / 1000) - 100, 0);
    writeFileSync(host('c'), 'text');
    look('c');
    expect(wall()).toBeLessThan(Date.now() / 1000 - 90);
  });
  it("does not send times of its own: the host's clock decides", () => {
    put('/mnt/host/a', 'text');
    u.pass(5e12);
    expect(u.call('utimensat', -100, '/mnt/host/a', 0, 0)).toBe(0);
    expect(Math.abs(seconds('a') - Date.now() / 1000)).toBeLessThan(60);
  });
});

describe('a folder as the initial contents of files in memory', () => {
  const names = Array.from({ length: 60 }, (_, i) => `f${String(i).padStart(2, '0')}`);
  /** A folder in /tmp begins with the host's contents. */
  const begin = (name: string): void => {
    u.call('mkdirat', -100, `/tmp/${name}`, 0o755);
    const dir = (u.k.root.lookup('tmp') as TmpDir).lookup(name) as TmpDir, shared = new SharedFolder(new NodeFolder(base, finderFor(base)),
      false, () => 0n);
    link = new TestLink(new NineServer(shared));
    u.k.workers.start(function* (t) { expect(yield* beginAs(t, dir, link)).toBe(0); });
  };
  const counted = (act: () => void): number => { const before = link.messages; act(); return link.messages - before; };
  const listed = (name: string): string[] => u.list(`/tmp/${name}`).filter((n) => n !== '.' && n !== '..');
  it("its files are found, and small ones read, many per message, with the host's contents", () => {
    for (const text of names) writeFileSync(host(text), `text of ${text}`);
    mkdirSync(host('folder')); symlinkSync('f01', host('link')); writeFileSync(host('large'), 'l'.repeat(9000));
    begin('r');
    const order = listed('r'), at = u.space(128);
    const others: Readonly<Record<string, string | number>> = { folder: -E.ISDIR, link: 'text of f01', large: 'l'.repeat(4096) },
      texts = (f: string): string | number => others[f] ?? `text of ${f}`;
    expect(order.length).toBe(63);
    expect(counted(() => {
      for (const f of order) expect(u.call('newfstatat', -100, `/tmp/r/${f}`, at, 0x100)).toBe(0);
    })).toBe(0);
    begin('s');
    const again = listed('s');
    expect(counted(() => {
      for (const f of again) expect([f, get(`/tmp/s/${f}`)]).toEqual([f, texts(f)]);
    })).toBeLessThan(10);
    expect([...again].reverse().map((f) => get(`/tmp/s/${f}`))).toEqual([...again].reverse().map(texts));
  });
  it('a name that is gone, one that became a folder, one with two names, one that the guest made', () => {
    for (const name of names) writeFileSync(host(name), 'x');
    linkSync(host('f20'), host('f20b'));
    begin('r');
    const order = listed('r'), [gone, folder, own] = ['f30', 'f40', 'f50'];
    rmSync(host(gone)); rmSync(host(folder)); mkdirSync(host(folder));
    expect([u.call('unlinkat', -100, `/tmp/r/${own}`, 0), put(`/tmp/r/${own}`, 'mine')]).toEqual([0, 4]);
    const found = new Map(order.map((f) => [f, get(`/tmp/r/${f}`)])), inode = (f: string): Inode =>
      ((u.k.root.lookup('tmp') as TmpDir).lookup('r') as TmpDir).lookup(f)!;
    expect([gone, folder, own, 'f20', 'f20b', 'f59'].map((f) => found.get(f))).toEqual([-E.NOENT, -E.ISDIR, 'mine', 'x', 'x', 'x']);
    expect(inode('f20')).toBe(inode('f20b'));
  });
});
