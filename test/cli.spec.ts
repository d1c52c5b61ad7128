/** The command as a user meets it: help, wrong usage, wrong files. Nothing here boots a system to the end. */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { packTar } from '../cli/pack.ts';
import { assemble } from '../hardware/isa/assemble.ts';
import { command, root, tessera, type Run } from './tessera.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

const minios = readFileSync(join(root, 'guests/bin/minios.elf'));
const echo = readFileSync(join(root, 'guests/bin/linux/echo'));
const file = (name: string, bytes: Uint8Array | string, mode = 0o755) => {
  const path = join(folder, name);
  writeFileSync(path, bytes, { mode });
  return path;
};
const changed = (bytes: Buffer, offset: number, ...values: number[]) => {
  const copy = Buffer.from(bytes);
  copy.set(values, offset);
  return copy;
};

describe('help', () => {
  it.each([
    [''], ['boot'], ['run'], ['vm'], ['bare'], ['trace'], ['trace stats'], ['trace export'], ['images'], ['images fetch'], ['doctor']
  ])('tessera %s --help shows an example and is no error',
    async (name) => {
    const run = await tessera([...name.split(' ').filter(Boolean), '--help']);
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(run.stdout).toMatch(/Examples?:\n {2}tessera /);
  });

  it('tells the version of package.json', async () => {
    expect((await tessera(['--version'])).stdout.trim()).toBe((JSON.parse(readFileSync(join(root, 'package.json'),
      'utf8')) as { version: string }).version);
  });
});

/** Arguments, status, and text that the error line must contain. */
const wrong: [string, string[], number, RegExp][] = [
  ['an unknown command', ['fly'], 2, /unknown command 'fly'; see: tessera --help/],
  ['an unknown option', ['vm', '--kernel', 'x', '--fast'], 2, /unknown option '--fast'; see: tessera vm --help/],
  ['a mistyped option that must be there', ['vm', '--kernle', 'x'], 2, /unknown option '--kernle'; did you mean '--kernel'\?/],
  ['a mistyped one of a subcommand', ['trace', 'export', 'x', '--formt=svg'], 2, /unknown option '--formt'; did you mean '--format'\?/],
  ['a mistyped subcommand', ['images', 'lst'], 2, /unknown command 'lst'; did you mean 'list'\?/],
  ['a missing argument', ['run'], 2, /missing required argument 'program'/],
  ['a missing option', ['vm'], 2, /required option '--kernel <image>' not specified/],
  ['a size that is none', ['vm', '--kernel', 'x', '--memory', 'lots'], 2, /option --memory: 'lots' is not a size/],
  ['a size after =', ['vm', '--kernel', 'x', '--memory=much'], 2, /option --memory: 'much' is not a size/],
  ['a count out of range', ['vm', '--kernel', 'x', '--smp', '0'], 2, /option --smp: 0 is out of range; write a whole number from 1/],
  ['an engine that there is none', ['bare', '--engine', 'fast', 'x'], 2, /option --engine: 'fast' is none of auto, interp, jit/],
  ['a trace file of another format', ['trace', 'stats', join(root, 'README.md')], 2, /trace '.*README.md': not a Tessera trace file/],
  ['a trace that is not there', ['trace', 'stats', 'none.trace'], 2, /trace 'none.trace' does not exist/],
  ['an export format that there is none', ['trace', 'export', 'x', '--format', 'pdf'], 2, /option --format: 'pdf' is none of perfetto/],
  ['bare without a program', ['bare'], 2, /bare needs a program/],
  ['a bare program that is not there', ['bare', 'none.elf'], 2, /program 'none.elf' does not exist/],
  ['a bare kernel that is text', ['bare', '--kernel', join(root, 'README.md')], 2, /kernel '.*' is (neither|no)/],
  ['a 32-bit bare program', ['bare', file('rv32.elf', changed(minios, 4, 1))], 2, /rv32.elf' is .*32-bit/],
  ['an x86 bare program', ['bare', file('x86.elf', changed(minios, 18, 62, 0))], 2, /x86.elf' is .*x86/],
  ['a truncated bare program', ['bare', file('cut.elf', minios.subarray(0, 6000))], 2, /cut.elf' is truncated/],
  ['too little memory for a bare program', ['bare', join(root, 'guests/bin/minios.elf'), '--memory', '1M'], 2, /memory/],
  [
    'an ISA with an extension that there is none', ['bare', '--isa', 'rv64gc_zfoo', join(root, 'guests/bin/minios.elf')], 2,
    /--isa: this machine does not have 'zfoo'/
  ],
  [
    'two images at one place', ['bare', join(root, 'guests/bin/minios.elf'), '--kernel', join(root, 'guests/bin/minios.elf')], 2,
    /both want memory at 0x80200000/
  ],
  [
    'a gdb port that is none', ['bare', '--gdb', '70000', 'x'], 2,
    /option --gdb: 70000 is out of range; write a whole number from 0 to 65535/
  ],
  [
    'a disk that is no number of sectors', ['bare', join(root, 'guests/bin/minios.elf'), '--disk', file('odd.img', 'abc')], 2,
    /disk '.*odd.img' has 3 bytes/
  ],
  ['an initramfs of a folder that is not there', ['images', 'initramfs', 'none', '-o', '-'], 2, /folder 'none' does not exist/],
];

const greedy = (component: string, scenario: string) => `import { defineScenario } from 'tessera';
export default defineScenario({ name: 'x', summary: '', components: {
  one: { program: { name: 'one', *main() {} }, ${component} } }, ${scenario} });`;

/** The same for commands that need the whole system in the bundle. */
const hosted: [string, string[], number, RegExp][] = [
  ['an unknown scenario', ['boot', 'nowhere'], 2, /there is no scenario 'nowhere'; give a file, or one of: .*two-worlds/],
  ['a scenario that is none', ['boot', file('none.ts', 'export const x = 1;')], 2, /is no boot scenario/],
  ['a scenario with a mistake in it', ['boot', file('bad.ts', 'export default {')], 2, /cannot be compiled/],
  [
    'a scenario that asks for more memory than there is', ['boot', file('greedy.ts', greedy('memory: "2G"', 'ram: "256M"'))], 1,
    /2 GiB of memory/
  ],
  [
    'a scenario whose board is too large', ['boot', file('huge.ts', greedy('', 'ram: "64G"'))], 1,
    /a board with 64 GiB of memory cannot be made/
  ],
  ['a scenario with a device that there is none', ['boot', file('device.ts', greedy('devices: ["teapot"]', ''))], 1, /teapot/],
  ['a scenario with a capability from nowhere', ['boot', file('caps.ts', greedy('caps: { x: "nobody" }', ''))], 2, /nobody/],
  ['a program that is nowhere', ['run', 'no-such-program'], 127, /program 'no-such-program' is no file here/],
  ['a program that the root file system lacks and this computer has for another processor',
    ['run', '--rootfs', file('none.tar', Buffer.alloc(1024)), process.execPath], 127,
    /is not in '.*', and the file of this computer is a program for/],
  ['a program for another processor', ['run', file('prog-x86', changed(echo, 18, 62, 0))], 126, /is a program for x86-64, not for riscv64/],
  ['a 32-bit program', ['run', file('prog-32', changed(echo, 4, 1))], 126, /is a 32-bit program/],
  ['a truncated program', ['run', file('prog-cut', echo.subarray(0, 1000))], 126, /is cut short/],
  [
    'a program without the right to be run', ['run', file('prog-plain', echo, 0o644)], 126,
    /is not executable; give it the right with chmod/
  ],
  ['a text as a program', ['run', file('text', 'hello\n')], 126, /is no ELF program and no script/],
  ['a folder as a program', ['run', folder], 126, /is a folder/],
  [
    'a working directory that the guest does not have', ['run', '--cwd', '/nowhere', join(root, 'guests/bin/linux/ls')], 126,
    /working directory '\/nowhere' is not there/
  ],
  ['a root file system that is not there', ['run', '--rootfs', 'nowhere', 'sh'], 2, /root file system 'nowhere' does not exist/],
  ['a root file system of another format', ['run', '--rootfs', join(root, 'README.md'), 'sh'], 2, /neither a folder nor a tar archive/],
  ['an environment variable without a value', ['run', '--env', 'X', 'sh'], 2, /option --env: 'X' is no K=V/],
  [
    'a file mounted to be written', ['run', '--mount', `${file('one', 'x')}:/one`, 'sh'], 2,
    /option --mount: '.*one' is no folder; write .*one:\/one:ro, or/
  ],
  ['a mount that is none', ['run', '--mount', 'x', 'sh'], 2, /option --mount: 'x' is no HOST:GUEST/],
  ['a kernel that is not there', ['vm', '--kernel', 'none'], 2, /kernel 'none' does not exist/],
  ['a kernel that is text', ['vm', '--kernel', join(root, 'README.md')], 2, /kernel '.*README.md' is not a kernel/],
  ['a 32-bit kernel', ['vm', '--kernel', file('k32.elf', changed(minios, 4, 1))], 2, /32-bit/],
  ['an x86 kernel', ['vm', '--kernel', file('kx86.elf', changed(minios, 18, 62, 0))], 2, /x86-64, not for RISC-V/],
  ['a truncated kernel', ['vm', '--kernel', file('kcut.elf', minios.subarray(0, 6000))], 2, /truncated/],
  [
    'an initrd that does not fit',
    ['vm', '--kernel', join(root, 'guests/bin/minios.bin'), '--initrd', file('big', Buffer.alloc(20 << 20)), '--memory', '16M'], 2,
    /initrd '.*big' does not fit/
  ],
  ['too little memory for a kernel', ['vm', '--kernel', join(root, 'guests/bin/minios.bin'), '--memory', '2M'], 2, /memory/],
  [
    'more memory for a VM than a machine has', ['vm', '--kernel', join(root, 'guests/bin/minios.bin'), '--memory', '4G'], 2,
    /option --memory: at most 3[78]\d\dM are possible; machine, kernel and guest share 4 GiB/
  ],
  [
    'more memory for a program than a machine has', ['run', '--memory', '16G', file('prog', echo)], 2,
    /option --memory: at most 3[56]\d\dM are possible/
  ],
  [
    'more memory than a bare machine has', ['bare', join(root, 'guests/bin/minios.elf'), '--memory', '4G'], 2,
    /room for 39\d\d MiB of RAM at most/
  ],
  ['too little memory', ['run', '--memory', '1K', file('prog', echo)], 2, /option --memory: 1K is too little; write 64K or more/],
  ['a device as program', ['bare', '/dev/zero'], 2, /program '.dev.zero' is a device/],
  ['a device as scenario', ['boot', '/dev/zero'], 2, /scenario '.dev.zero' is a device/],
  [
    'memory that is no number of pages', ['bare', join(root, 'guests/bin/minios.elf'), '--memory', '10000001'], 2,
    /option --memory: 10000001 is no whole number of pages of 4K/
  ],
  [
    'a device that there is none', ['vm', '--kernel', join(root, 'guests/bin/minios.bin'), '--net', 'tokenring'], 2,
    /option --net: 'tokenring'/
  ],
  [
    'recording and replaying at once', ['run', '--record', join(folder, 'a'), '--replay', join(folder, 'b'), file('prog', echo)], 2,
    /exclude each other/
  ],
  ['a recording of another format', ['run', '--replay', join(root, 'README.md'), file('prog', echo)], 2, /is not a recording of ours/],
  [
    'a trace that cannot be written', ['run', '--trace', '/nowhere/x', file('prog', echo)], 2,
    /trace '\/nowhere\/x' cannot be made: there is no folder '\/nowhere'/
  ],
  [
    'statistics that cannot be written', ['bare', '--stats=/nowhere/x', join(root, 'guests/bin/minios.elf')], 2,
    /statistics '\/nowhere\/x' cannot be made: there is no folder '\/nowhere'/
  ],
  [
    'a signature of a program that has none', ['bare', '--signature', join(folder, 'sig'), join(root, 'guests/bin/minios.elf')], 2,
    /has no symbols begin_signature/
  ],
  [
    'a full disk while recording', ['run', '--trace', '/dev/full', file('prog', echo)], 1,
    /trace '\/dev\/full' could not be written: no space left/
  ],
];

it('a working directory that was removed is told in one line', async () => {
  const script = `d=$(mktemp -d); cd "$d"; rmdir "$d"; exec ${process.execPath} ${join(root, 'bin/tessera')} run --trace t x`;
  const run = await command('sh', ['-c', script], { cwd: root });
  expect(run).toMatchObject({
    status: 2, stderr: 'tessera: E_FOLDER: the current folder does not exist any more; change to another one (cd)\n'
  });
});

describe('what is wrong is said in one line', () => {
  it.each([...wrong, ...hosted])('%s', async (_what, args, status, line) => {
    const run = await tessera(args);
    expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(run.stderr).toMatch(/^tessera: E_[A-Z_]+: /);
    expect(run.stderr).toMatch(line);
    expect(run.status).toBe(status);
  });
});

it('a root file system may come from standard input', async () => {
  const archive = packTar([{ host: join(root, 'guests/bin/linux'), guest: 'bin' }]);
  expect(await tessera(['run', '--rootfs', '-', 'echo', 'hello'],
    { input: archive })).toMatchObject({ status: 0, stderr: '', stdout: 'hello\n' });
});

describe('3.5 GiB of memory', () => {
  const most = ['--memory', '3584M'];
  it('for a virtual machine', async () => {
    expect(await tessera(['vm', '--kernel', join(root, 'guests/bin/minios.bin'), ...most])).toMatchObject({ status: 0, stderr: '' });
  });
  it('for a program', async () => {
    expect(await tessera(['run', ...most, file('prog', echo), 'hello'])).toMatchObject({ status: 0, stderr: '', stdout: 'hello\n' });
  });
});

describe('a copy that has only been cloned', () => {
  it('says what is missing, at a path with spaces and letters of any kind too', async () => {
    const clone = join(folder, 'a clone ünï');
    mkdirSync(join(clone, 'cli'), { recursive: true });
    cpSync(join(root, 'bin'), join(clone, 'bin'), { recursive: true });
    for (const name of ['build.mjs', 'package.json', 'cli/main.ts']) cpSync(join(root, name), join(clone, name));
    const run = await command(process.execPath, [join(clone, 'bin/tessera'), '--help']);
    expect(run).toMatchObject({
      status: 2, stdout: '',
      stderr: `tessera: E_INSTALL: the packages that Tessera needs are not installed; run: npm install (in ${clone})\n`
    });
  });
});

describe.skipIf(!existsSync('/dev/full'))('output that cannot be written', () => {
  const shell = (script: string): Promise<Run> => command('/bin/sh', ['-c', script], {
    cwd: folder,
    env: {
      NODE: process.execPath, TESSERA: join(root, 'bin/tessera'), ECHO: file('prog', echo), MINIOS: join(root, 'guests/bin/minios.bin')
    }
  });
  it.each(['--help', 'lab list', 'classify', 'report trust', 'run "$ECHO" hello', 'vm --kernel "$MINIOS"'])('ends tessera %s with one line',
    async (words) => {
    expect(await shell(`"$NODE" "$TESSERA" ${words} >/dev/full`)).toMatchObject({
      status: 1, stderr: "tessera: E_DISK_FULL: output 'standard output' could not be written: no space left on the device\n"
    });
  });
  it.each(['--help', 'lab list', 'classify', 'images list'])('because its reader has gone needs no words: tessera %s ends with status 1',
    async (words) => {
    expect(await shell(`{ "$NODE" "$TESSERA" ${words}; echo "status $?" >&2; } | true`)).toMatchObject({ stderr: 'status 1\n' });
  });
  it.each(['bare', 'run', 'vm'])('because its reader has gone is no error: tessera %s ends as of SIGPIPE', async (kind) => {
    writeFileSync(join(folder, 'chatter'),
      assemble('li s0, 0x10000000\nli t0, 120\nli t1, 10\nhere: sb t0, 0(s0)\nsb t1, 0(s0)\nj here', 0x8000_0000).bytes);
    const words = {
      bare: `bare '${join(folder, 'chatter')}'`, run: `run '${join(root, 'guests/bin/linux/seq')}' 1000000`, vm: 'vm --kernel "$MINIOS"'
    }[kind]!;
    const run = await shell(`{ "$NODE" "$TESSERA" ${words}; echo "status $?" >&2; } | head -n 1`);
    expect(run.stderr).toBe('status 141\n');
    expect(run.stdout.trimEnd().split('\n')).toHaveLength(1);
  });
  it.each(['--help', 'lab list', 'run "$ECHO" hello'])('because it was closed before the start ends tessera %s with one line',
    async (words) => {
    expect(await shell(`"$TESSERA" ${words} >&-`)).toEqual({
      status: 1, stdout: '', stderr: "tessera: E_FILE: output 'standard output' is closed; send what you do not want to see to /dev/null\n"
    });
  });
  it('by a bare machine either', async () => {
    expect(await shell(`"$NODE" "$TESSERA" bare chatter >/dev/full`)).toMatchObject({
      status: 1, stderr: expect.stringMatching(/^tessera: E_DISK_FULL: .*\n$/)
    });
  });
});

describe('signals', () => {
  it.each([['SIGTERM', 143], ['SIGINT', 130]] as const)('%s ends a bare machine in order', async (signal, status) => {
    writeFileSync(join(folder, 'spin'), assemble('li s0, 0x10000000\nli t0, 10\nsb t0, 0(s0)\nhere: j here', 0x8000_0000).bytes);
    const child = spawn(process.execPath, [join(root, 'bin/tessera'), 'bare', join(folder, 'spin'), '--stats'],
      { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => { text += chunk.toString(); });
    child.stdout.once('data', () => child.kill(signal));
    expect(await new Promise((resolve) => { child.on('close', resolve); })).toBe(status);
    expect((JSON.parse(text) as { ending: string }).ending).toBe('interrupted');
  });
});
