import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { symbolText, symbols } from '../l4guest/abi/symbols.ts';
import { Cause, Kind } from '../microkernel/abi/index.ts';
import { Sbi } from '../vmm/sbi/extensions.ts';
import type { SbiCall } from '../vmm/sbi/sbi.ts';
import { fakeUtcb } from '../vmm/testing.ts';
import { argumentsText, quoted, resultText } from './arguments.ts';
import {
  ExitWord, Part, TraceFile, TraceRecorder, firstDivergence, originOf, sbiExtensions, sentence, vocabularyOf, type Vocabulary
} from './index.ts';
import { bytesOf, type Rec } from './testing/traces.ts';

const words: Vocabulary = {
  syscalls: {
    56: ['openat', 'dir:dir path:s flags:open mode:m'], 64: ['write', 'fd buf:b len'], 63: ['read', 'fd buf:r len'],
    221: ['execve', 'path:s argv:v envp:x']
  },
  symbols, errors: { 2: 'NOENT' },
  labels: { 0x1121: ['block.read', 'sector count', ''], 0x1020: ['rom.stat', 'text', 'size skew id'] },
  devices: [{ name: 'serial', of: 'vm', base: 0x1000_0000, size: 0x100, registers: { 0: 'data', 5: 'lsr' } }],
};
const u64s = (...values: (number | bigint)[]): Uint8Array =>
  new Uint8Array(BigUint64Array.from(values, (v) => BigInt.asUintN(64, BigInt(v))).buffer);
const text = (s: string): Uint8Array => new TextEncoder().encode(s);

/** A trace of these records with payload: [record, part, index, bytes]. */
function made(records: Rec[], payload: [number, number, number, Uint8Array][]): TraceFile {
  const parts: Uint8Array[] = [], recorder = new TraceRecorder({ write: (b) => parts.push(b.slice()), close: () => undefined }, { words });
  recorder.name('task', 1, 0, 'sh');
  recorder.name('thread', 12, 1, 'sh.main');
  recorder.name('task', 2, 0, 'vm');
  recorder.name('thread', 22, 2, 'exits');
  recorder.name('portal', 30, 22, 'p');
  for (const part of payload) recorder.payload(...part);
  recorder.drain(bytesOf(records), 1);
  recorder.close();
  return new TraceFile(new Uint8Array(Buffer.concat(parts)));
}
const call = (nr: number): Rec[] => [
  { time: 10, kind: Kind.event, actor: 12, object: 30, a: Cause.syscall, b: 64, c: nr },
  { time: 20, kind: Kind.resume, actor: 22, object: 12, cause: 1 }
];
const answered = (trace: TraceFile): string => { const r = trace.at(1); return sentence(r, originOf(trace, r)); };

describe('system calls with payload', () => {
  it.each([
    [56, [-100, 0x5000, 0], [[1, Part.text, 1, text('/etc/passwd')]], 3, 'openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3'],
    [
      56, [-100, 0x5000, 0o1101, 0o644], [[1, Part.text, 1, text('a"b\n')]], -2,
      'openat(AT_FDCWD, "a\\"b\\n", O_WRONLY|O_CREAT|O_TRUNC, 0644) = -1 ENOENT'
    ],
    [56, [-100, 0x5000, 0], [], 3, 'openat(AT_FDCWD, 0x5000, O_RDONLY) = 3'],
    [64, [1, 0x5000, 200], [[1, Part.bytes, 1, text('x'.repeat(64))]], 200, `write(1, "${'x'.repeat(64)}"…, 200) = 200`],
    [63, [0, 0x5000, 100], [[2, Part.bytes, 1, Uint8Array.of(0x7f, 0x45, 0, 0xff)]], 4, 'read(0, "\\177E\\000\\377", 100) = 4'],
    [
      221, [0x5000, 0x6000, 0], [[1, Part.text, 0, text('/bin/ls')], [1, Part.text, 1, text('ls')], [1, Part.text, 1, text('-l')]], 0,
      'execve("/bin/ls", ["ls", "-l"], 0) = 0'
    ],
  ] as [number, number[], [number, number, number, Uint8Array][], number, string][])('call %i', (nr, args, payload, result, wanted) => {
    const all = [
      [1, Part.words, 0, u64s(...args)], ...payload, [2, Part.result, 0, u64s(result)]
    ] as [number, number, number, Uint8Array][];
    expect(answered(made(call(nr), all.sort((a, b) => a[0] - b[0])))).toBe(`resumed after ${wanted}`);
  });
  it('say = ? where the thread went on elsewhere, and only the name without payload', () => {
    expect(answered(made(call(63), [[1, Part.words, 0, u64s(0, 0, 0)]]))).toBe('resumed after read(0, NULL, 0) = ?');
    expect(answered(made(call(63), []))).toBe('resumed after read');
  });
});

it('a difference in payload alone is one', () => {
  const read = (text_: string): TraceFile =>
    made(call(63), [[1, Part.words, 0, u64s(0, 0x5000, 9)], [2, Part.bytes, 1, text(text_)], [2, Part.result, 0, u64s(1)]]);
  expect(firstDivergence(read('a'), read('a'))).toBeUndefined();
  expect(firstDivergence(read('a'), read('b'))).toEqual({ record: 1, fields: ['payload'] });
  expect(firstDivergence(read('a'), made(call(63), []))).toBeUndefined();
});

describe('exits', () => {
  const access = (scause: number, address: number, words_: Uint8Array, result?: Uint8Array): string =>
    answered(made([
      { time: 1, kind: Kind.event, actor: 12, object: 30, a: Cause.guestPageFault, b: scause << 16, c: address },
      { time: 9, kind: Kind.resume, actor: 22, object: 12, cause: 1 }
    ],
      [[1, Part.words, 0, words_], ...(result ? [[2, Part.result, 0, result] as [number, number, number, Uint8Array]] : [])]));
  it('name device and register, and what was stored or loaded', () => {
    const exit = Array<number>(6).fill(0);
    exit[ExitWord.value] = 0x41;
    expect(access(23, 0x1000_0000, u64s(...exit))).toBe('resumed after store serial.data = 0x41');
    expect(access(21, 0x1000_0005, u64s(...exit.slice(0, 5)), u64s(0x60))).toBe('resumed after load serial.lsr = 0x60');
    expect(access(21, 0x1000_0007, u64s(0), u64s(1))).toBe('resumed after load serial.lsr+0x2 = 0x1');
    expect(access(21, 0x2000_0000, u64s(0))).toBe('resumed after guest page fault: load at 0x20000000');
  });
  it('name SBI functions for all extensions that a virtual machine has', () => {
    const sbi = new Sbi(), utcb = fakeUtcb(), nowhere = {} as SbiCall;
    const probe = (id: number): boolean => {
      utcb.setX(10, id);
      const answer = sbi.call({ ...nowhere, utcb, extension: 0x10, fid: 3 });
      return 'value' in answer && Number(answer.value) === 1;
    };
    const named = Object.keys(sbiExtensions).map(Number);
    expect(named.filter(probe).length).toBeGreaterThan(8);
    for (const text of ['TIME', 'sPI', 'RFNC', 'HSM', 'SRST', 'PMU', 'DBCN', 'SUSP', 'CPPC', 'NACL', 'STA'])
      expect(named).toContain([...text].reduce((n, c) => n * 256 + c.charCodeAt(0), 0));
  });
});

describe('messages', () => {
  it('name operands, texts among them', () => {
    const say = (label: number, ...values: (number | bigint)[]): string =>
      sentence(made([{ time: 1, kind: Kind.call, actor: 12, object: 30, a: label, b: values.length }],
        [[1, Part.words, 0, u64s(...values)]]).at(0));
    expect(say(0x1121, 5, 8)).toBe('call block.read(sector=5, count=8)');
    expect(say(0x1020, 6, 0x7366746f6f72n)).toBe('call rom.stat("rootfs")');
    expect(say(0x9999, 1, 2)).toBe('call label 0x9999(0x1, 0x2)');
  });
});

describe('words of values', () => {
  it('are those of the Unix server', () => {
    expect(symbolText(symbols['dir']!, -100)).toBe('AT_FDCWD');
  });
  it('any bytes are quoted in printing characters; any arguments make a line', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => { expect(quoted(bytes)).toMatch(/^"\P{C}*"…?$/u); }));
    const rows = fc.constantFrom('dir:dir path:s flags:open mode:m', 'fd buf:b len', 'a:x b:o c:c d:v e', '', 'n:nosuch',
      'x:map y:clone z:futex');
    fc.assert(fc.property(rows, fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { maxLength: 6 }),
      (row, values) => { expect(argumentsText(words, row, values, [])).not.toContain('\n'); }));
    fc.assert(fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n
      - 1n }), (v) => { expect(resultText(words, v)).toMatch(/^(-?\d+|0x[0-9a-f]+|-1 E\w+)$/); }));
  });
});

it('a vocabulary of any JSON keeps only rows that are as they should be', () => {
  fc.assert(fc.property(fc.jsonValue(), fc.constantFrom('syscalls', 'symbols', 'labels', 'devices', 'errors', ''), (value, key) => {
    const vocabulary = vocabularyOf(JSON.stringify(key === '' ? value : { [key]: value }));
    for (const row of Object.values(vocabulary.syscalls ?? {})) expect(row.length).toBeGreaterThanOrEqual(2);
    for (const deviceWords of vocabulary.devices ?? []) expect(typeof deviceWords.base).toBe('number');
  }));
  expect(vocabularyOf('{')).toEqual({});
});
