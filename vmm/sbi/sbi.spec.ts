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
    const call: SbiCall = {
      cpu: cpus[0], machine: { ram, cpus, console, fence: function* () {}, end: (e) => ends.push(e) }, utcb, extension, fid,
      wait: 'nothing', setTimer: (t) => events.push(`timer ${t}`)
    };
    return { answer: sbi.call(call), wait: call.wait };
  };
  return { ram, ends, events, call, out: () => out };
}
const TIME = 0x54494d45, IPI = 0x735049, RFENCE = 0x52464e43, HSM = 0x48534d, SRST = 0x53525354, DBCN = 0x4442434e, PMU = 0x504d55,
  SUSP = 0x53555350;

describe('SBI', () => {
  it('has version 2.0 and tells which extensions are there', () => {
    const { call } = rig();
    expect(call(0x10, 0).answer).toEqual({ error: 0, value: 2 << 24 });
    for (const extension of [TIME, IPI, RFENCE, HSM, SRST, DBCN, SUSP, 0x10, 1])
      expect(call(0x10, 3, extension).answer).toEqual({ error: 0, value: 1 });
    expect(call(0x10, 3, PMU).answer).toEqual({ error: 0, value: 0 });
    expect(call(PMU).answer).toEqual({ error: -2, value: 0 });
  });
  it('sends interrupts to the masked vCPUs, all of them, or says that one does not exist', () => {
    const guest = rig(3);
    guest.call(IPI, 0, 0b10, 1); guest.call(IPI, 0, 0, -1);
    expect(guest.events).toEqual(['ipi 2', 'ipi 0', 'ipi 1', 'ipi 2']);
    expect(guest.call(IPI, 0, 0b1000, 0).answer).toEqual({ error: -3, value: 0 });
  });
  it('starts, stops and suspends vCPUs', () => {
    const guest = rig();
    expect(guest.call(HSM, 0, 1, RAM_BASE + 0x100, 42).answer).toEqual({ error: 0, value: 0 });
    expect(guest.call(HSM, 0, 0, RAM_BASE, 0).answer).toEqual({ error: -6, value: 0 });
    expect(guest.call(HSM, 0, 1, 0x1000, 0).answer).toEqual({ error: -5, value: 0 });
    expect(guest.call(HSM, 0, 9, RAM_BASE, 0).answer).toEqual({ error: -3, value: 0 });
    expect([guest.call(HSM, 2, 0).answer, guest.call(HSM, 2, 1).answer]).toEqual([{ error: 0, value: 0 }, { error: 0, value: 1 }]);
    expect([
      guest.call(HSM, 1).wait, guest.call(HSM, 3, 0).wait, guest.call(HSM, 3, 0x9000_0000).answer
    ]).toEqual(['start', 'interrupt', { error: -2, value: 0 }]);
    expect([guest.call(HSM, 3, 1).answer, guest.call(HSM, 3, 0x8000_0000, 0x1000, 0).answer]).toEqual([
      { error: -3, value: 0 }, { error: -5, value: 0 }
    ]);
    expect(guest.call(HSM, 3, 0x8000_0000, RAM_BASE, 5).wait).toEqual({ resume: BigInt(RAM_BASE), opaque: 5n });
    expect(guest.events).toEqual(['begin 1 80000100 42']);
    expect(rig(3, 2).call(HSM, 2, 2).answer).toEqual({ error: 0, value: 4 });
  });
  it('lets the system sleep when no other vCPU runs', () => {
    const guest = rig();
    expect([guest.call(SUSP, 0, 1, RAM_BASE, 0).answer, guest.call(SUSP, 0, 0, 0x1000, 0).answer, guest.call(SUSP, 1).answer].map((a) =>
      'error' in a && a.error)).toEqual([-3, -5, -2]);
    expect(guest.call(SUSP, 0, 0, RAM_BASE, 5).wait).toEqual({ resume: BigInt(RAM_BASE), opaque: 5n });
    expect(rig(2, 1).call(SUSP, 0, 0, RAM_BASE, 5).answer).toEqual({ error: -4, value: 0 });
  });
  it('powers off, reboots, and tells failure from success', () => {
    const guest = rig();
    guest.call(SRST, 0, 0, 0); guest.call(SRST, 0, 1, 0); guest.call(SRST, 0, 0, 1); guest.call(8);
    expect(guest.ends).toEqual([{ kind: 'powerOff' }, { kind: 'reboot' }, { kind: 'failure', code: 1 }, { kind: 'powerOff' }]);
    expect(guest.call(SRST, 0, 7, 0).answer).toEqual({ error: -3, value: 0 });
  });
  it('moves console bytes between memory and the stream, within memory only', () => {
    const guest = rig();
    guest.ram.write(RAM_BASE, new TextEncoder().encode('hello'));
    expect(guest.call(DBCN, 0, 5, RAM_BASE, 0).answer).toEqual({ error: 0, value: 5 });
    guest.call(DBCN, 2, 0x21); guest.call(1, 0, 0x3f);
    expect([guest.call(DBCN, 1, 2, RAM_BASE + 16, 0).answer, guest.call(2).answer, guest.call(2).answer]).toEqual([
      { error: 0, value: 2 }, { legacy: 122 }, { legacy: -1 }
    ]);
    expect([guest.out(), guest.ram.u16(RAM_BASE + 16)]).toEqual(['hello!?', 0x7978]);
    for (const [n, lo, hi] of [[5, 0x100, 0], [5, RAM_BASE, 1], [5, RAM_BASE + 0x10_0000 - 4, 0]])
      expect(guest.call(DBCN, 0, n, lo, hi).answer).toEqual({ error: -3, value: 0 });
  });
  it('sets timers and asks for fences', () => {
    const guest = rig();
    guest.call(TIME, 0, 1234); guest.call(0, 0, -1);
    expect(guest.events).toEqual(['timer 1234', 'timer -1']);
    expect([guest.call(RFENCE, 1, 2, 0, 0, 0).wait, guest.call(RFENCE, 0, -1, 0).answer, guest.call(RFENCE, 6, 1, 0).answer]).toEqual([
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
