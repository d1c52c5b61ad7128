import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import type { HartApi } from '../api.ts';
import { TestEvents, TestMemory, TestTerminal } from '../devices/testing.ts';
import { SbiFirmware } from './firmware.ts';
import type { FirmwareHost } from './host.ts';

/** A hart that records what was done to it. */
function fakeHart(id: number, log: string[]): HartApi {
  const x = new BigInt64Array(32);
  const csrs = new Map<number, bigint>();
  const hart: Partial<HartApi> = {
    id, x, x32: new Int32Array(x.buffer),
    num: (i) => Number(x[i]),
    setNum: (i, v) => void (x[i] = BigInt(v)),
    csr: (n) => csrs.get(n) ?? 0n,
    setCsr: (n, v) => { csrs.set(n, v); if (n === 0x14d) log.push(`stimecmp${id}=${v}`); },
    sfenceVma: (va, asid) => void log.push(`sfence${id} ${va} ${asid}`),
    hfenceGvma: (gpa, vmid) => void log.push(`hfence${id} ${gpa} ${vmid}`),
  };
  return hart as HartApi;
}

const RAM = 0x8000_0000;
let log: string[];
const waiting = new Set<number>();
let harts: HartApi[];
let events: TestEvents;
let memory: TestMemory;
let terminal: TestTerminal;
let host: FirmwareHost;
let firmware: SbiFirmware;

beforeEach(() => {
  log = [];
  waiting.clear();
  harts = [0, 1, 2].map((id) => fakeHart(id, log));
  events = new TestEvents();
  memory = new TestMemory(0x1000, RAM);
  terminal = new TestTerminal();
  host = {
    harts, memory, events,
    cycleOfTick: (tick) => tick * 100,
    setPending: (hart, bit, level) => void log.push(`mip${hart}.${bit}=${level}`),
    park: (hart) => void log.push(`park${hart}`),
    start: (hart, pc, opaque) => void log.push(`start${hart} ${pc.toString(16)} ${opaque}`),
    wait: (hart) => { waiting.add(hart); log.push(`wait${hart}`); },
    waits: (hart) => waiting.has(hart),
    stop: (reason) => void log.push(`${reason.kind} ${reason.code}`),
  };
  firmware = new SbiFirmware(host, terminal, { sstc: false, hpmCounters: 4 });
  firmware.boot(RAM, 5);
  log.length = 0;
});

function call(eid: number, fid: number, ...args: (number | bigint)[]): [error: number, value: number] {
  args.forEach((a, i) => void (harts[0].x[10 + i] = BigInt(a)));
  harts[0].setNum(17, eid);
  harts[0].setNum(16, fid);
  firmware.ecall(harts[0]);
  return [harts[0].num(10), harts[0].num(11)];
}

test('the base extension tells version 2.0 and which extensions are there', () => {
  expect(call(0x10, 0)).toEqual([0, 0x0200_0000]);
  expect([0x5449_4d45, 0x73_5049, 0x5246_4e43, 0x48_534d, 0x5352_5354, 0x4442_434e, 0x50_4d55, 0x5355_5350, 0x4350_5043].map((e) =>
    call(0x10, 3, e)[1])).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 0]);
  expect(call(0x1234_5678, 0)).toEqual([-2, 0]);
  expect(call(0x10, 99)[0]).toBe(-2);
});

test('a timer without Sstc clears the pending bit and sets it when its tick comes', () => {
  call(0x5449_4d45, 0, 10);
  expect(log).toEqual(['mip0.5=false']);
  events.advanceTo(1000);
  expect(log).toEqual(['mip0.5=false', 'mip0.5=true']);
  call(0x5449_4d45, 0, -1);
  events.advanceTo(1e9);
  expect(log.length).toBe(3);
});

test('IPIs and fences go to the harts of the mask; a mask with a hart that is not there is invalid', () => {
  call(0x73_5049, 0, 0b110, 0);
  expect(log).toEqual(['mip1.1=true', 'mip2.1=true']);
  expect(call(0x73_5049, 0, 1, 3)[0]).toBe(-3);
  log.length = 0;
  call(0x5246_4e43, 2, 0b1, 1, -8192n, 8192, 9);
  call(0x5246_4e43, 1, 0, -1, 0, 0);
  call(0x5246_4e43, 3, 1, 0, 0x1000, 4096, 3);
  expect(log).toEqual([
    'sfence1 -8192 9', 'sfence1 -4096 9', 'sfence0 undefined undefined', 'sfence1 undefined undefined', 'sfence2 undefined undefined',
    'hfence0 4096 3',
  ]);
});

test('harts start once, stop, and say what they are', () => {
  expect([0, 1, 7].map((h) => call(0x48_534d, 2, h))).toEqual([[0, 0], [0, 1], [-3, 0]]);
  expect(call(0x48_534d, 0, 1, RAM + 4, 77)[0]).toBe(0);
  expect(call(0x48_534d, 0, 1, RAM, 0)[0]).toBe(-6);
  expect(call(0x48_534d, 0, 2, 0x10, 0)[0]).toBe(-5);
  call(0x48_534d, 1);
  call(0x48_534d, 3, 0);
  expect(call(0x48_534d, 3, 0x1000_0000)[0]).toBe(-2);
  expect(call(0x48_534d, 3, 1)[0]).toBe(-3);
  expect(log).toEqual(['start1 80000004 77', 'park0', 'wait0']);
});

test('shutdown, reboot, and failure are told apart', () => {
  call(0x5352_5354, 0, 0, 0);
  call(0x5352_5354, 0, 0, 1);
  call(0x5352_5354, 0, 1, 0);
  expect(call(0x5352_5354, 0, 7, 0)[0]).toBe(-3);
  call(8, 0);
  expect(log).toEqual(['poweroff 0', 'poweroff 1', 'reset 0', 'poweroff 0']);
});

test('the debug console writes and reads memory; the legacy console does single characters', () => {
  memory.view(RAM, 3).set([104, 105, 10]);
  expect(call(0x4442_434e, 0, 3, RAM, 0)).toEqual([0, 3]);
  call(0x4442_434e, 2, 33);
  call(1, 0, 63);
  expect(terminal.text).toBe('hi\n!?');
  expect(call(0x4442_434e, 0, 3, 0x1000, 0)[0]).toBe(-3);
  expect(call(2, 0)[0]).toBe(-1);
  terminal.type('ab');
  expect(call(2, 0)[0]).toBe(97);
  expect(call(0x4442_434e, 1, 8, RAM, 0)).toEqual([0, 1]);
  expect(memory.u8(RAM)).toBe(98);
});

test('a hart that suspends without keeping its state begins anew where it says, after an interrupt', () => {
  expect(call(0x48_534d, 3, 0x8000_0000, 0x10, 0)[0]).toBe(-5);
  expect(log).toEqual([]);
  call(0x48_534d, 3, 0x8000_0000, RAM + 8, 9);
  expect(log).toEqual(['start0 80000008 9', 'wait0']);
  harts[1].setNum(10, 0);
  expect(call(0x48_534d, 2, 0)).toEqual([0, 4]);
  waiting.clear();
  expect(call(0x48_534d, 2, 0)).toEqual([0, 0]);
});

test('the system suspends to RAM when all other harts are stopped', () => {
  expect([call(0x5355_5350, 0, 1, RAM, 0)[0], call(0x5355_5350, 0, 0, 0x10, 0)[0], call(0x5355_5350, 1)[0]]).toEqual([-3, -5, -2]);
  call(0x48_534d, 0, 1, RAM, 0);
  expect(call(0x5355_5350, 0, 0, RAM, 0)[0]).toBe(-4);
  log.length = 0;
  for (const a7 of [0x48_534d]) { harts[1].setNum(17, a7); harts[1].setNum(16, 1); firmware.ecall(harts[1]); }
  call(0x5355_5350, 0, 0, RAM + 16, 3);
  expect(log).toEqual(['park1', 'start0 80000010 3', 'wait0']);
});

const PMU = 0x50_4d55;
const ALL = 0xff_ffff_ffff_ffffn;

test('counters: four programmable ones behind the fixed ones, then sixteen of firmware', () => {
  expect(call(PMU, 0)).toEqual([0, 4 + 3 + 16]);
  expect([0, 1, 2, 6].map((i) => call(PMU, 1, i))).toEqual([
    [0, (63 << 12) | 0xc00], [-3, 0], [0, (63 << 12) | 0xc02], [0, (63 << 12) | 0xc06]
  ]);
  expect([call(PMU, 1, 7), call(PMU, 1, 23)]).toEqual([[0, -(2 ** 63)], [-3, 0]]);
});

test('an event gets a programmable counter, with its filters; a fixed one when nothing else is left', () => {
  const found = [1, 1, 1, 1, 1].map(() => call(PMU, 2, 0, 0x7f, 0, 1));
  expect(found).toEqual([3, 4, 5, 6, 0].map((i) => [0, i]));
  expect([
    call(PMU, 2, 0, 0x7f, 0, 1)[0], call(PMU, 2, 0, 0x7f, 0, 3)[0], call(PMU, 2, 0, ALL, 0, 1)[0], call(PMU, 2, 0, 0, 0, 1)[0]
  ]).toEqual([-2, -2, -3, -3]);
  expect(call(PMU, 4, 3, 1, 1)[0]).toBe(-8); // it did not run, but the event is forgotten
  expect(call(PMU, 2, 0, 0x7f, 0x20, 2)).toEqual([0, 3]);
  expect(harts[0].csr(0x323)).toBe(2n | (1n << 60n));
});

test('hardware counters start from a value, stop, and say when they did already', () => {
  call(PMU, 2, 0, 0x7f, 0, 2);
  expect(harts[0].csr(0x320)).toBe(8n);
  expect([call(PMU, 3, 3, 1, 1, -5)[0], call(PMU, 3, 3, 1, 0)[0], call(PMU, 3, 4, 1, 0)[0]]).toEqual([0, -7, -3]);
  expect([harts[0].csr(0x320), harts[0].csr(0xb03)]).toEqual([0n, 2n ** 64n - 5n]);
  expect([call(PMU, 4, 3, 1, 0)[0], call(PMU, 4, 3, 1, 0)[0], call(PMU, 3, 3, 1, 2)[0]]).toEqual([0, -8, -9]);
  expect(harts[0].csr(0x320)).toBe(8n);
});

test('firmware counts what it does for harts that ask', () => {
  const index = call(PMU, 2, 0, ALL & 0x7f_ff80n, 6, 0xf_0005)[1];
  expect(index).toBe(7);
  for (let i = 0; i < 3; i++) call(0x5449_4d45, 0, 10);
  expect(call(PMU, 5, index)).toEqual([0, 3]);
  call(PMU, 3, index, 1, 1, -1);
  expect(call(PMU, 3, index, 1, 1, -1)[0]).toBe(-7);
  call(PMU, 4, index, 1, 0);
  call(0x5449_4d45, 0, 10);
  expect([call(PMU, 5, index)[1], call(PMU, 5, 3)[0], call(PMU, 6, index)[1]]).toEqual([3, -3, 0]);
  const sent = call(PMU, 2, 0, ALL & 0x7f_ff80n, 6, 0xf_0006)[1];
  call(0x73_5049, 0, 0b110, 0);
  expect(call(PMU, 5, sent)).toEqual([0, 2]);
});

test('any call with any arguments is answered', () => {
  const ids = [
    0x10, 0x5449_4d45, 0x73_5049, 0x5246_4e43, 0x48_534d, 0x5352_5354, 0x4442_434e, 0x50_4d55, 0x5355_5350, 0, 1, 2, 3, 4, 8, 0x0a00_0000
  ];
  const arg = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.constantFrom(0n, 1n, 2n, -1n, 0x8000_0000n, BigInt(RAM), BigInt(RAM + 0xff8)));
  fc.assert(fc.property(fc.constantFrom(...ids), fc.nat(8), fc.array(arg, { minLength: 5, maxLength: 5 }), (id, fid, args) => {
    const [error] = call(id, fid, ...args);
    expect(Number.isInteger(error)).toBe(true);
  }), { numRuns: 1000 });
});
