/**
 * A live folder that the host and a guest change at the same time: the start, each side's changes, and the result on both sides. And every
 * way in which a run can end: a completed write is on the host.
 */
import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import {
  appendFileSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, statSync, symlinkSync,
    writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { imagesFolder } from '../cli/images/where.ts';
import { command, root } from './tessera.ts';

const images = imagesFolder(), missing = !existsSync(join(images, 'manifest.json')), minutes = 60_000;
if (missing) console.warn('skipped: no images (tessera images fetch)');
let host: string;
const shells: { readonly child: ChildProcessWithoutNullStreams }[] = [];
beforeEach(() => { host = mkdtempSync(join(tmpdir(), 'tessera-changes-')); });
afterEach(() => {
  for (const { child } of shells.splice(0)) child.kill('SIGKILL');
  rmSync(host, { recursive: true, force: true });
});
const at = (name: string): string => join(host, name), text = (name: string): string => readFileSync(at(name), 'utf8');

/** A shell in a guest, controlled line by line; `say` returns its output. */
class Shell {
  readonly child: ChildProcessWithoutNullStreams;
  private heard = '';
  private turn = 0;
  /** `terminal`: as from a terminal, through `script`. */
  constructor(args: string[], terminal = false) {
    const words = [process.execPath, join(root, 'bin/tessera'), ...args];
    const quoted = words.map((w) => `'${w.replace(/'/g, `'\\''`)}'`).join(' ');
    const [program, ...rest] = terminal ? ['script', '-qefc', quoted, '/dev/null'] : words;
    this.child = spawn(program!, rest, { cwd: root, env: { ...process.env, NO_COLOR: '1' } });
    shells.push(this);
    this.child.stdout.on('data', (d: Buffer) => { this.heard += d.toString(); });
    this.child.stderr.on('data', (d: Buffer) => { this.heard += d.toString(); });
    this.child.stdin.on('error', () => {});
  }
  async until(words: RegExp): Promise<RegExpMatchArray> {
    for (let i = 0; i < 3000; i++) {
      const match = this.heard.match(words);
      if (match) return match;
      if (this.child.exitCode !== null || this.child.signalCode !== null) break;
      await new Promise((r) => { setTimeout(r, 20); });
    }
    throw new Error(`never heard ${words} in: ${this.heard.slice(-2000)}`);
  }
  async say(line: string): Promise<string> {
    const mark = `~${++this.turn}~`;
    this.heard = '';
    this.child.stdin.write(`${line} 2>&1; echo "~"${this.turn}"~"\n`);
    return (await this.until(new RegExp(`([^]*)${mark}\r?\n`)))[1]!.replace(/\r/g, '').trimEnd();
  }
  /** Its status, or the signal that ended it. */
  ended(): Promise<number | string | null> {
    const { child } = this;
    return child.exitCode !== null || child.signalCode !== null ? Promise.resolve(child.exitCode ?? child.signalCode)
      : new Promise((resolve) => { child.on('close', (status, signal) => { resolve(status ?? signal); }); });
  }
  async end(): Promise<number | string | null> { this.child.stdin.end('exit 0\n'); return await this.ended(); }
}
const rootfs = join(images, 'rootfs');
const shellIn = (folder: string): Shell => new Shell(['run', '--rootfs', rootfs, '--mount', `${folder}:/m`, '/bin/sh']);

/** A case: the start, the guest's action, the host's action (after it, or first), and then the guest's view and the host's files. */
interface Case {
  readonly title: string;
  readonly before?: () => void;
  readonly guest?: string;
  readonly host: () => void;
  readonly again?: string;
  readonly look: string;
  readonly sees: string;
  readonly has: () => unknown;
  readonly is: unknown;
}
const there = (name: string): boolean => existsSync(at(name)), kind = (name: string): string =>
  (lstatSync(at(name)).isFIFO() ? 'fifo' : lstatSync(at(name)).isSymbolicLink() ? 'link' : lstatSync(at(name)).isDirectory() ? 'folder'
    : 'file');
const ROWS: readonly Case[] = [
  { title: 'the host edits what the guest has read', before: () => writeFileSync(at('a'), 'one\n'), guest: 'cat /m/a', host: () =>
    writeFileSync(at('a'), 'two, longer\n'),
    look: 'cat /m/a; stat -c %s /m/a', sees: 'two, longer\n12', has: () => text('a'), is: 'two, longer\n' },
  { title: 'the host edits to the same length', before: () => writeFileSync(at('a'), 'one\n'), guest: 'cat /m/a', host: () =>
    writeFileSync(at('a'), 'two\n'),
    look: 'cat /m/a', sees: 'two', has: () => text('a'), is: 'two\n' },
  { title: 'the host replaces it as an editor does, by rename', before: () => writeFileSync(at('a'), 'one\n'), guest: 'cat /m/a',
    host: () => { writeFileSync(at('a.new'), 'other\n'); renameSync(at('a.new'), at('a')); }, look: 'cat /m/a; ls /m', sees: 'other\na',
      has: () => text('a'), is: 'other\n' },
  { title: 'both append in turn', before: () => writeFileSync(at('a'), 'before\n'), guest: 'echo guest >> /m/a', host: () =>
    appendFileSync(at('a'), 'host\n'), again: 'echo guest again >> /m/a',
    look: 'cat /m/a', sees: 'before\nguest\nhost\nguest again', has: () => text('a'), is: 'before\nguest\nhost\nguest again\n' },
  { title: 'the guest writes through a descriptor while the host appends', guest: 'exec 7> /m/a; echo one >&7', host: () =>
    appendFileSync(at('a'), 'host\n'), again: 'echo TWO >&7; exec 7>&-',
    look: 'cat /m/a', sees: 'one\nTWO\n', has: () => text('a'), is: 'one\nTWO\n\n' },
  { title: 'the host makes a name that the guest did not find', guest: 'cat /m/a; ls /m', host: () => writeFileSync(at('a'), 'new\n'),
    look: 'cat /m/a; ls /m', sees: 'new\na', has: () => text('a'), is: 'new\n' },
  { title: 'both make the same name: the guest is told', guest: 'ls /m', host: () => writeFileSync(at('a'), 'host\n'),
    again: 'set -C; echo guest > /m/a; set +C', look: 'cat /m/a', sees: 'host', has: () => text('a'), is: 'host\n' },
  { title: 'the host renames what the guest has open', before: () => writeFileSync(at('a'), 'text\n'), guest: 'exec 8< /m/a', host: () =>
    renameSync(at('a'), at('b')),
    look: 'cat <&8; exec 8<&-; cat /m/a; cat /m/b', sees: "text\ncat: can't open '/m/a': No such file or directory\ntext", has: () =>
      readdirSync(host), is: ['b'] },
  { title: 'the host renames a folder in which the guest stands', before: () => { mkdirSync(at('d')); writeFileSync(at('d/x'), 'x\n'); },
    guest: 'cd /m/d; cat x', host: () => renameSync(at('d'), at('e')),
    again: 'cd /', look: 'cat /m/d/x; cat /m/e/x', sees: "cat: can't open '/m/d/x': No such file or directory\nx", has: () =>
      readdirSync(host), is: ['e'] },
  { title: 'the guest renames while the host writes through the old file', before: () => writeFileSync(at('a'), 'x\n'),
    guest: 'mv /m/a /m/b', host: () => appendFileSync(at('b'), 'y\n'),
    look: 'cat /m/b', sees: 'x\ny', has: () => readdirSync(host), is: ['b'] },
  { title: 'the host removes what the guest reads', before: () => writeFileSync(at('a'), 'x\n'), guest: 'cat /m/a', host: () =>
    rmSync(at('a')), look: 'cat /m/a; ls /m | wc -l',
    sees: "cat: can't open '/m/a': No such file or directory\n0", has: () => there('a'), is: false },
  { title: 'the host removes what the guest has open for writing: what is written goes with it', guest: 'exec 7> /m/a; echo one >&7',
    host: () => rmSync(at('a')), again: 'echo two >&7; exec 7>&-',
    look: 'ls /m | wc -l', sees: '0', has: () => there('a'), is: false },
  { title: 'both remove the same name', before: () => writeFileSync(at('a'), 'x\n'), guest: 'cat /m/a', host: () => rmSync(at('a')),
    look: 'rm /m/a', sees: "rm: can't remove '/m/a': No such file or directory", has: () => there('a'), is: false },
  { title: 'the guest makes a FIFO: it is the guest\'s alone, and works there', guest: 'mkfifo /m/p', host: () => {},
    look: 'test -p /m/p && echo fifo; (echo through > /m/p &); cat /m/p', sees: 'fifo\nthrough', has: () => there('p'), is: false },
  { title: 'the host makes a file where the guest has a FIFO: the file is seen', guest: 'mkfifo /m/p', host: () =>
    writeFileSync(at('p'), 'file\n'), look: 'test -p /m/p && echo fifo; cat /m/p', sees: 'file', has: () => text('p'), is: 'file\n' },
  { title: 'the host makes a FIFO: it is shown, cannot be opened, removed or changed, and nobody hangs', host: () =>
    { spawnNow('mkfifo', at('p')); },
    look: 'test -p /m/p && echo fifo; cat /m/p; rm -f /m/p',
      sees: "fifo\ncat: can't open '/m/p': No such device or address\nrm: can't remove '/m/p': Operation not permitted", has: () =>
        kind('p'), is: 'fifo' },
  { title: 'the host exchanges a file for a FIFO between two reads', before: () => writeFileSync(at('a'), 'x\n'), guest: 'cat /m/a',
    host: () => { rmSync(at('a')); spawnNow('mkfifo', at('a')); },
    look: 'cat /m/a', sees: "cat: can't open '/m/a': No such device or address", has: () => kind('a'), is: 'fifo' },
  { title: 'the host exchanges a folder for a link out of it', before: () =>
    { mkdirSync(at('d')); writeFileSync(at('d/passwd'), 'mine\n'); }, guest: 'cat /m/d/passwd',
    host: () => { rmSync(at('d'), { recursive: true }); symlinkSync('/etc', at('d')); },
      look: 'readlink /m/d; grep -c nobody-of-the-host /m/d/passwd', sees: '/etc\n0', has: () => kind('d'), is: 'link' },
  { title: 'the host empties what the guest has mapped and read', before: () => writeFileSync(at('a'), 'x'.repeat(9000)),
    guest: 'wc -c < /m/a', host: () => writeFileSync(at('a'), ''), look: 'wc -c < /m/a; cat /m/a', sees: '0', has: () => text('a'),
      is: '' },
  { title: 'the host forbids', before: () => writeFileSync(at('a'), 'x\n'), guest: 'cat /m/a', host: () =>
    { spawnNow('chmod', '400', at('a')); }, look: 'stat -c %a /m/a', sees: '400', has: () => statSync(at('a')).mode & 0o777, is: 0o400 },
  { title: 'the guest fills a file while the host lists', guest: 'seq 20000 > /m/n', host: () => { readdirSync(host); },
    look: 'md5sum < /m/n; seq 20000 | md5sum', sees: '*same*', has: () => text('n').split('\n').length, is: 20_001 },
];
function spawnNow(...words: string[]): void { execFileSync(words[0]!, words.slice(1)); }

describe.skipIf(missing || process.platform !== 'linux')('a folder that both change', () => {
  it('before, guest, host, after', async () => {
    const shell = shellIn(host);
    for (const row of ROWS) {
      for (const name of readdirSync(host)) rmSync(at(name), { recursive: true, force: true });
      row.before?.();
      await shell.say('rm -f /m/p 2>/dev/null');
      if (row.guest) await shell.say(row.guest);
      row.host();
      if (row.again) await shell.say(row.again);
      const saw = await shell.say(row.look), [first, second] = saw.split('\n');
      if (row.sees === '*same*') expect([row.title, first], row.title).toEqual([row.title, second]);
      else expect([row.title, saw]).toEqual([row.title, row.sees.trimEnd()]);
      expect([row.title, row.has()]).toEqual([row.title, row.is]);
    }
    expect(await shell.end()).toBe(0);
  }, 4 * minutes);
});

describe.skipIf(missing)('however a run ends, what a write was told is written is on the host', () => {
  const write = (n: number): string => `i=0; while [ $i -lt ${n} ]; do echo line $i >> /m/log; i=$((i+1)); done; echo written`;
  const whole = (n: number): string => Array.from({ length: n }, (_, i) => `line ${i}\n`).join('');
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL'] as const)('run: %s', async (signal) => {
    const shell = shellIn(host);
    expect(await shell.say(`${write(50)}; sync /m/log`)).toBe('written');
    shell.child.stdin.write('while :; do :; done\n');
    shell.child.kill(signal);
    expect(await shell.ended()).toBeTruthy();
    expect(text('log')).toBe(whole(50));
  }, minutes);
  it('run: Ctrl-A x', async () => {
    const shell = new Shell(['run', '--rootfs', rootfs, '--mount', `${host}:/m`, '/bin/sh', '-c', `${write(50)}; while :; do :; done`],
      true);
    await shell.until(/written/);
    shell.child.stdin.write('\x01x');
    await shell.ended();
    expect(text('log')).toBe(whole(50));
  }, minutes);
  it.each([['--until', ['--until', 'written'], 0], ['--max-instructions', ['--max-instructions', '60000000'], 124]] as const)('run: %s',
    async (_name, option, status) => {
    const script = `${write(50)}; while :; do :; done`;
    const args = ['run', '--rootfs', rootfs, '--mount', `${host}:/m`, ...option, '/bin/sh', '-c', script];
    const run = await command(process.execPath, [join(root, 'bin/tessera'), ...args], { timeout: minutes });
    expect(run.status).toBe(status);
    expect(text('log')).toBe(whole(50));
  }, minutes);
  const machine = ['vm', '--kernel', join(images, 'vmlinuz'), '--initrd', join(images, 'initramfs.cpio'), '--memory', '256M'];
  const mounting = 'modprobe 9pnet_virtio; modprobe 9p; mkdir -p /m; mount -t 9p -o trans=virtio,version=9p2000.L,cache=none host /m';
  const vm = (more: string, options: readonly string[] = [], terminal = false): Shell => {
    const run = `RUN="${mounting}; ${write(20)}${more}"`;
    return new Shell([...machine, '--mount', `${host}:host`, ...options, '--append', `console=ttyS0 quiet ${run}`], terminal);
  };
  it.each([
    ['SIGTERM', ''], ['SIGKILL', '; fsync /m/log; echo safe'], ['Ctrl-A x', ''], ['--until', ''], ['--max-instructions', '']
  ] as const)('vm: %s', async (how, more) => {
    const limit: readonly string[] = how === '--until' ? [how, 'written'] : how === '--max-instructions' ? [how, '3200000000'] : [];
    const shell = vm(`${more}; while :; do :; done`, limit, how === 'Ctrl-A x');
    if (limit.length === 0) await shell.until(how === 'SIGKILL' ? /safe/ : /written/);
    if (how === 'Ctrl-A x') shell.child.stdin.write('\x01x');
    else if (how.startsWith('SIG')) shell.child.kill(how as NodeJS.Signals);
    await shell.ended();
    expect(text('log')).toBe(whole(20));
  }, 3 * minutes);
});
