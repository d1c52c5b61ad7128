import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ending } from '../../hardware/chips/finisher.ts';
import { RAM_BASE } from '../ram.ts';
import { fakeRam, fakeUtcb } from '../testing.ts';
import { Sbi } from './extensions.ts';
import type { SbiCall, SbiCpu } from './sbi.ts';

function rig(count = 2, running = 0) {
  const ram = fakeRam(), ends: Ending[] = [], events: string[] = [], sbi = new Sbi(), utcb = fakeUtcb();
  let out = '', input = 'xyz';
  const cpus: SbiCpu[] = Array.from({ length: count },
    (_, id) => ({
      id, started: id === 0 || id === running, suspended: id === 2, raiseSoftware: () => events.push(`ipi ${id}`),
      begin: (pc, o) => events.push(`begin ${id} ${pc.toString(16)} ${o}`)
    }));
  const take = (n: number): Uint8Array => { const t = input.slice(0, n); input = input.slice(n); return new TextEncoder().encode(t); };
  const console = { outputBytes: (b: Uint8Array) => { out += new TextDecoder().decode(b); }, next: () => take(1)[0] ?? -1, take };
  const call = (extension: number, fid = 0, ...args: (number | bigint)[]) => {
    args.forEach((a, i) => utcb.setXBig(10 + i, BigInt(a)));
    const c: SbiCall = {
      cpu: cpus[0], machine: { ram, cpus, console, fence: function* () {}, end: (e) => ends.push(e) }, utcb, extension, fid,
      wait: 'nothing', setTimer: (t) => events.push(`timer ${t}`)
    };
    return { answer: sbi.call(c), wait: c.wait };
  };
  return { ram, ends, events, call, out: () => out };
}
const TIME = 0x54494d45, IPI = 0x735049, RFENCE = 0x52464e43, HSM = 0x48534d, SRST = 0x53525354, DBCN = 0x4442434e, PMU = 0x504d55,
  SUSP = 0x53555350;

describe('SBI', () => {
  it('has version 2.0 and tells which extensions are there', () => {
    const { call } = rig();
    expect(call(0x10, 0).answer).toEqual({ error: 0, value: 2 << 24 });
    for (const e of [TIME, IPI, RFENCE, HSM, SRST, DBCN, SUSP, 0x10, 1]) expect(call(0x10, 3, e).answer).toEqual({ error: 0, value: 1 });
    expect(call(0x10, 3, PMU).answer).toEqual({ error: 0, value: 0 });
    expect(call(PMU).answer).toEqual({ error: -2, value: 0 });
  });
  it('sends interrupts to the masked vCPUs, all of them, or says that one does not exist', () => {
    const r = rig(3);
    r.call(IPI, 0, 0b10, 1); r.call(IPI, 0, 0, -1);
    expect(r.events).toEqual(['ipi 2', 'ipi 0', 'ipi 1', 'ipi 2']);
    expect(r.call(IPI, 0, 0b1000, 0).answer).toEqual({ error: -3, value: 0 });
  });
  it('starts, stops and suspends vCPUs', () => {
    const r = rig();
    expect(r.call(HSM, 0, 1, RAM_BASE + 0x100, 42).answer).toEqual({ error: 0, value: 0 });
    expect(r.call(HSM, 0, 0, RAM_BASE, 0).answer).toEqual({ error: -6, value: 0 });
    expect(r.call(HSM, 0, 1, 0x1000, 0).answer).toEqual({ error: -5, value: 0 });
    expect(r.call(HSM, 0, 9, RAM_BASE, 0).answer).toEqual({ error: -3, value: 0 });
    expect([r.call(HSM, 2, 0).answer, r.call(HSM, 2, 1).answer]).toEqual([{ error: 0, value: 0 }, { error: 0, value: 1 }]);
    expect([
      r.call(HSM, 1).wait, r.call(HSM, 3, 0).wait, r.call(HSM, 3, 0x9000_0000).answer
    ]).toEqual(['start', 'interrupt', { error: -2, value: 0 }]);
    expect([r.call(HSM, 3, 1).answer, r.call(HSM, 3, 0x8000_0000, 0x1000, 0).answer]).toEqual([
      { error: -3, value: 0 }, { error: -5, value: 0 }
    ]);
    expect(r.call(HSM, 3, 0x8000_0000, RAM_BASE, 5).wait).toEqual({ resume: BigInt(RAM_BASE), opaque: 5n });
    expect(r.events).toEqual(['begin 1 80000100 42']);
    expect(rig(3, 2).call(HSM, 2, 2).answer).toEqual({ error: 0, value: 4 });
  });
  it('lets the system sleep when no other vCPU runs', () => {
    const r = rig();
    expect([r.call(SUSP, 0, 1, RAM_BASE, 0).answer, r.call(SUSP, 0, 0, 0x1000, 0).answer, r.call(SUSP, 1).answer].map((a) =>
      'error' in a && a.error)).toEqual([-3, -5, -2]);
    expect(r.call(SUSP, 0, 0, RAM_BASE, 5).wait).toEqual({ resume: BigInt(RAM_BASE), opaque: 5n });
    expect(rig(2, 1).call(SUSP, 0, 0, RAM_BASE, 5).answer).toEqual({ error: -4, value: 0 });
  });
  it('powers off, reboots, and tells failure from success', () => {
    const r = rig();
    r.call(SRST, 0, 0, 0); r.call(SRST, 0, 1, 0); r.call(SRST, 0, 0, 1); r.call(8);
    expect(r.ends).toEqual([{ kind: 'powerOff' }, { kind: 'reboot' }, { kind: 'failure', code: 1 }, { kind: 'powerOff' }]);
    expect(r.call(SRST, 0, 7, 0).answer).toEqual({ error: -3, value: 0 });
  });
  it('moves console bytes between memory and the stream, within memory only', () => {
    const r = rig();
    r.ram.write(RAM_BASE, new TextEncoder().encode('hello'));
    expect(r.call(DBCN, 0, 5, RAM_BASE, 0).answer).toEqual({ error: 0, value: 5 });
    r.call(DBCN, 2, 0x21); r.call(1, 0, 0x3f);
    expect([r.call(DBCN, 1, 2, RAM_BASE + 16, 0).answer, r.call(2).answer, r.call(2).answer]).toEqual([
      { error: 0, value: 2 }, { legacy: 122 }, { legacy: -1 }
    ]);
    expect([r.out(), r.ram.u16(RAM_BASE + 16)]).toEqual(['hello!?', 0x7978]);
    for (const [n, lo, hi] of [[5, 0x100, 0], [5, RAM_BASE, 1], [5, RAM_BASE + 0x10_0000 - 4, 0]])
      expect(r.call(DBCN, 0, n, lo, hi).answer).toEqual({ error: -3, value: 0 });
  });
  it('sets timers and asks for fences', () => {
    const r = rig();
    r.call(TIME, 0, 1234); r.call(0, 0, -1);
    expect(r.events).toEqual(['timer 1234', 'timer -1']);
    expect([r.call(RFENCE, 1, 2, 0, 0, 0).wait, r.call(RFENCE, 0, -1, 0).answer, r.call(RFENCE, 6, 1, 0).answer]).toEqual([
      'fence', { error: -3, value: 0 }, { error: -2, value: 0 }
    ]);
  });
  it('answers any call whatever its arguments', () => {
    const ids = [0x10, TIME, IPI, RFENCE, HSM, SRST, DBCN, PMU, SUSP, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x0a00_0000];
    const arg = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.constantFrom(0n, 1n, -1n, BigInt(RAM_BASE), BigInt(RAM_BASE + 0xf_ffff)));
    fc.assert(fc.property(fc.constantFrom(...ids), fc.nat(8), fc.array(arg, { minLength: 5, maxLength: 5 }),
      (id, fid, args) => { rig().call(id, fid, ...args); }),
      { numRuns: 500 });
  });
});
