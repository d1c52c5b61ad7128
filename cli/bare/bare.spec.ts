/** The bare command on programs of a few instructions, in this process: console, endings, limits, signature, recordings. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { assemble } from '../../hardware/isa/assemble.ts';
import { type BareOptions, runBare } from '../bare.ts';
import { tightMemory } from '../tight.ts';
import type { BareIo } from './io.ts';
import { parseDisk } from '../disk/disk.ts';

const RAM = 0x8000_0000;
const folder = mkdtempSync(join(tmpdir(), 'tessera-bare-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Outcome { status: number; out: string; err: string }

/** Input is typed when the output asks for it with a '?'. */
async function run(options: BareOptions, input = ''): Promise<Outcome> {
  const outcome = { status: -1, out: '', err: '' };
  let type: (bytes: Uint8Array | undefined) => void = () => {};
  const io: BareIo = {
    interactive: false,
    write: (bytes) => {
      outcome.out += new TextDecoder().decode(bytes);
      if (outcome.out.endsWith('?')) queueMicrotask(() => type(new TextEncoder().encode(input)));
      return true;
    },
    error: (text) => void (outcome.err += text),
    listen: (receive) => {
      type = receive;
      return () => {};
    },
  };
  outcome.status = await runBare({ memory: 16 << 20, ...options }, io);
  return outcome;
}

/** A raw program file. UART in s0, finisher in s1. */
function program(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, assemble(`li s0, 0x10000000\nli s1, 0x100000\n${text}`, RAM).bytes);
  return path;
}

const say = (text: string): string => [...text].map((c) => `li t0, ${c.charCodeAt(0)}\nsb t0, 0(s0)`).join('\n');
const finish = (value: number): string => `li t0, ${value}\nsw t0, 0(s1)\nhere: j here`;

it('what the UART sends is the output, and the finisher gives the status', async () => {
  expect(await run({ file: program('pass', `${say('hi')}\n${finish(0x5555)}`) })).toMatchObject({ status: 0, out: 'hi' });
  expect((await run({ file: program('fail', finish(0x3333 + (9 << 16))) })).status).toBe(9);
});

it('a failing reset ends with 1, a clean one starts again', async () => {
  expect(await run({
    file: program('reset', `${say('x')}\n${finish(0x7777)}`), maxInstructions: 20
  })).toMatchObject({ status: 124, out: 'xxx' });
  expect(await run({ file: program('once', `${say('x')}\n${finish(0x7777)}`), reboot: false })).toMatchObject({ status: 0, out: 'x' });
});

it('a limit ends with 124 after exactly so many instructions', async () => {
  const stats = join(folder, 'stats');
  expect((await run({ file: program('loop', 'here: j here'), maxInstructions: 123_457, stats })).status).toBe(124);
  expect(JSON.parse(readFileSync(stats, 'utf8'))).toMatchObject({ instructions: 123_457, ending: 'limit' });
});

it('a machine that only traps, since its handler faults, is ended, and told about', async () => {
  const stats = join(folder, 'traps');
  expect((await run({ file: program('wild', 'csrwi mtvec, 0\nlw t0, 0(zero)'), maxInstructions: 1000, stats })).status).toBe(1);
  expect(JSON.parse(readFileSync(stats, 'utf8'))).toMatchObject({
    exits: { 'load access fault': 1, 'instruction access fault': expect.any(Number) }
  });
  const illegal = program('illegal', 'la t0, handler\ncsrw mtvec, t0\n.align 2\nhandler: .word 0');
  for (const smp of [1, 3])
    expect((await run({ file: illegal, smp }))).toMatchObject({
      status: 1, err: expect.stringMatching(/E_FAULTS: hart \d does nothing but fault in M mode: illegal instruction/)
    });
});

it('--until ends with 0 when the text has come, and with 1 when the run ends without it', async () => {
  const forever = program('until', `${say('a READY')}\nhere: j here`);
  expect(await run({ file: forever, until: 'READY' })).toMatchObject({ status: 0, out: 'a READY' });
  expect((await run({ file: program('never', `${say('REA')}\n${finish(0x5555)}`), until: 'READY' })).status).toBe(1);
});

it('harts that all wait for nothing are a deadlock once input has ended', async () => {
  const recording = join(folder, 'empty');
  const file = program('wait', 'here: wfi\nj here');
  writeFileSync(recording, '{"tessera":"input","version":1,"seed":0}\n');
  expect(await run({ file, replay: recording })).toMatchObject({ status: 1, err: expect.stringContaining('E_DEADLOCK') });
});

/** Asks with '?', then echoes two characters plus one. */
const echo = `${say('?')}
li s2, 2
poll: lbu t0, 5(s0)
andi t0, t0, 1
beqz t0, poll
lbu t1, 0(s0)
addi t1, t1, 1
sb t1, 0(s0)
addi s2, s2, -1
bnez s2, poll
${finish(0x5555)}`;

it('a recording of the input replays to the same instruction', async () => {
  const file = program('echo', echo);
  const recording = join(folder, 'recording');
  const counts = ['first', 'second'].map((name) => join(folder, name));
  expect(await run({ file, record: recording, stats: counts[0] }, 'HI')).toMatchObject({ status: 0, out: '?IJ' });
  expect(await run({ file, replay: recording, stats: counts[1] })).toMatchObject({ status: 0, out: '?IJ' });
  const [first, second] = counts.map((path) => JSON.parse(readFileSync(path, 'utf8')) as Record<string, number>);
  expect([second['instructions'], second['cycles']]).toEqual([first['instructions'], first['cycles']]);
});

it('several harts start together, each with its number in a0', async () => {
  const file = program('harts', `
    la s2, turn
    wait: lw t0, 0(s2)
    bne t0, a0, wait
    addi t1, a0, 48
    sb t1, 0(s0)
    addi t0, t0, 1
    sw t0, 0(s2)
    li t1, 3
    bne t0, t1, park
    ${finish(0x5555)}
    park: j park
    turn: .word 0`);
  expect(await run({ file, smp: 3 })).toMatchObject({ status: 0, out: '012' });
});

/** An ELF64 around raw code at RAM, with absolute symbols. */
function elf(code: Uint8Array, symbols: Record<string, number>): Uint8Array {
  const names = ['', ...Object.keys(symbols)];
  const strings = new TextEncoder().encode(names.map((n) => `${n}\0`).join(''));
  const table = 120 + code.length, text = table + 24 * names.length, sections = text + strings.length;
  const bytes = new Uint8Array(sections + 192);
  const data = new DataView(bytes.buffer);
  const u64 = (at: number, v: number): void => data.setBigUint64(at, BigInt(v), true);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  [[16, 2], [18, 243], [54, 56], [56, 1], [58, 64], [60, 3]].forEach(([at, v]) => data.setUint16(at, v, true));
  [[24, RAM], [32, 64], [40, sections], [80, RAM], [88, RAM], [72, 120], [96, code.length], [104, code.length]].forEach(([at, v]) =>
    u64(at, v));
  data.setUint32(64, 1, true);
  bytes.set(code, 120);
  names.forEach((name, i) => {
    data.setUint32(table + 24 * i, names.slice(0, i).join('\0').length + (i > 0 ? 1 : 0), true);
    data.setUint16(table + 24 * i + 6, i > 0 ? 0xfff1 : 0, true);
    u64(table + 24 * i + 8, symbols[name] ?? 0);
  });
  bytes.set(strings, text);
  data.setUint32(sections + 64 + 4, 2, true);
  data.setUint32(sections + 64 + 40, 2, true);
  [[24, table], [32, 24 * names.length]].forEach(([at, v]) => u64(sections + 64 + at, v));
  u64(sections + 128 + 24, text);
  return bytes;
}

it('HTIF ends the run with its code, and the signature is written as words', async () => {
  const { bytes, symbols } = assemble('la t1, tohost\nli t0, 11\nhere: sd t0, 0(t1)\nj here\n.word 0\ntohost: .dword 0\n'
    + '.dword 0x1122334455667788\n.dword 5',
    RAM);
  const address = (name: string): number => Number(symbols.get(name));
  const file = join(folder, 'test.elf');
  const signature = join(folder, 'signature');
  writeFileSync(file,
    elf(bytes, { tohost: address('tohost'), begin_signature: address('tohost') + 8, end_signature: address('tohost') + 24 }));
  expect((await run({ file, signature })).status).toBe(5);
  expect(readFileSync(signature, 'utf8')).toBe('55667788\n11223344\n00000005\n00000000\n');
  await run({ file, signature, signatureGranularity: 8 });
  expect(readFileSync(signature, 'utf8')).toBe('1122334455667788\n0000000000000005\n');
});

it('what cannot be used is refused in one line', async () => {
  const text = join(folder, 'text');
  writeFileSync(text, 'not a kernel, however long this line may be; a header has sixty-four bytes');
  const minios = 'guests/bin/minios.elf';
  const large = join(folder, 'large');
  writeFileSync(large, Buffer.alloc(1 << 20));
  const refusals: [BareOptions, string][] = [
    [{}, 'E_USAGE'], [{ file: text, initrd: text }, 'E_USAGE'], [{ file: text, smp: 99 }, 'E_USAGE'],
    [{ file: join(folder, 'none') }, 'E_NO_FILE'],
    [{ kernel: text }, 'E_FORMAT'], [{ file: text, isa: 'rv32i' }, 'E_ISA'], [{ file: text, memory: 2 ** 36 }, 'E_MEMORY'],
    [{ file: text, isa: 'rv64foo' }, 'E_ISA'], [{ file: text, isa: 'rv64gc_zfoo' }, 'E_ISA'], [{ file: text, memory: 1 << 20 }, 'E_MEMORY'],
    [{ file: text, memory: 100 }, 'E_MEMORY'],
    [{ file: minios, kernel: minios }, 'E_MEMORY'], [{ kernel: minios, memory: 4 << 20 }, 'E_MEMORY'],
    [{ kernel: minios, initrd: large, memory: 5 << 20 }, 'E_FORMAT'], [{ kernel: minios, memory: 1 << 20 }, 'E_FORMAT'],
    [{ file: text, disks: [parseDisk(`${text},ro`)] }, 'E_DISK'], [{ file: text, replay: text }, 'E_RECORDING'],
  ];
  for (const [options, code] of refusals)
    await expect(run(options)).rejects.toMatchObject({ name: 'CliError', code, message: expect.not.stringContaining('\n') });
});

it('a large kernel with little memory beside it is warned about, since it may die in silence', () => {
  const MIB = 2 ** 20;
  expect(tightMemory('vmlinuz', 31 * MIB, 4 * MIB,
    64 * MIB)).toMatch(/^tessera: warning: kernel 'vmlinuz' has 29 MiB of 64 MiB left[^\n]*--memory\n$/);
  expect([tightMemory('vmlinuz', 31 * MIB, 4 * MIB, 96 * MIB), tightMemory('minios', MIB, 0, 8 * MIB)]).toEqual([undefined, undefined]);
});
