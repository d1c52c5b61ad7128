import { ExitControl } from './control.ts';
import { beforeEach, describe, expect, it } from 'vitest';
import { Cause, IpcFlag, Mtd, Ops, S, type IpcRequest, type Sys, type Utcb } from '../microkernel/abi/index.ts';
import { Syscalls } from '../binding/index.ts';
import { Bus } from './devices/bus.ts';
import type { Chip } from '../hardware/chips/chip.ts';
import { RAM_BASE } from './ram.ts';
import { Sbi } from './sbi/extensions.ts';
import { Characters } from './streams.ts';
import { fakeRam, fakeUtcb } from './testing.ts';
import { Vcpu } from './vcpu.ts';
import type { Vm } from './vm.ts';
import { Work } from './work.ts';

const WAKE = 77, GUEST = 50;
const REPLY_AND_WAIT = IpcFlag.reply | IpcFlag.receive;

/** A vCPU's thread driven by hand: `event` is what the kernel does at an exit, `step` answers a system call. */
class Rig {
  now = 0;
  readonly utcb: Utcb = fakeUtcb();
  readonly sys: Syscalls = new Syscalls({ utcb: this.utcb, memory: undefined as never, now: () => this.now, charge: () => {} });
  readonly work = new Work();
  readonly bus = new Bus();
  readonly ended: unknown[] = [];
  readonly bodies: string[] = [];
  readonly chars = new Characters(() => {}, () => {});
  readonly cpus: Vcpu[] = [];
  readonly v: Vcpu;
  readonly #thread: Sys<void>;
  #request: IpcRequest;
  constructor() {
    const { work, bus, chars, cpus, ended, bodies } = this;
    const vm = {
      ram: fakeRam(), work, bus, crowded: false, console: chars, cpus, sbi: new Sbi(), exits: new ExitControl([]),
      end: (e: unknown) => ended.push(e), ended: false, *fence() {},
      *disembody() { bodies.push('gone'); }, *reembody() { bodies.push('made'); },
    } as unknown as Vm;
    cpus.push(new Vcpu(0, vm, GUEST, WAKE), new Vcpu(1, vm, GUEST + 1, WAKE + 1));
    this.v = cpus[0];
    this.#thread = this.v.serve(this.sys);
    this.#request = this.#thread.next(0).value as IpcRequest;
  }
  event(cause: number, words: number[] = []): this {
    words.forEach((w, i) => this.utcb.setWord(i, w));
    this.utcb.setTag(cause, words.length);
    return this.step();
  }
  step(status = 0): this { this.#request = this.#thread.next(status).value as IpcRequest; return this; }
  /** What the thread asks the kernel now. */
  get asks(): { flags: number; cap: number; label: number; timeout: number } {
    const request = this.#request;
    return { flags: request.flags, cap: request.cap, label: this.utcb.label, timeout: request.receiveTimeout };
  }
  get answered(): boolean { return this.asks.flags === REPLY_AND_WAIT; }
}
const wait = (timeout: number) => expect.objectContaining({ cap: WAKE, label: Ops.semaphore.down.label, timeout });

describe('a vCPU', () => {
  let rig: Rig;
  const boot = (): void => {
    rig.v.begin(0x8020_0000n, 0x8fe0_0000n);
    rig.event(Cause.startup);
    while (!rig.answered) rig.step();
  };
  beforeEach(() => { rig = new Rig(); });

  it('starts when it is told where, with all of its state', () => {
    rig.event(Cause.startup);
    expect(rig.asks).toEqual(wait(Infinity));
    rig.v.begin(0x8020_0000n, 0x8fe0_0000n);
    rig.step();
    while (!rig.answered) rig.step();
    expect([
      rig.utcb.pc, rig.utcb.x(10), rig.utcb.x(11), rig.utcb.num(S.mode), rig.utcb.big(S.vstimecmp), rig.v.started
    ]).toEqual([0x8020_0000, 0, 0x8fe0_0000, 1, -1n, true]);
    expect(rig.utcb.mtd & (Mtd.pc | Mtd.args | Mtd.vs | Mtd.mode | Mtd.irq)).toBe(Mtd.pc | Mtd.args | Mtd.vs | Mtd.mode | Mtd.irq);
  });

  it('waits in wfi for its timer, to the nanosecond', () => {
    boot();
    rig.now = 1_000_050;
    rig.utcb.setNum(S.vsie, 1 << 5); rig.utcb.setNum(S.vstimecmp, 20_000);
    rig.event(Cause.wfi);
    expect(rig.asks).toEqual(wait(999_950));
    rig.now = 2_000_000;
    rig.step(8);
    expect([rig.answered, rig.utcb.mtd]).toEqual([true, 0]);
  });

  it('does not wait for what is pending, and not for what is disabled', () => {
    boot();
    rig.utcb.setNum(S.hvip, 1 << 2); rig.utcb.setNum(S.vsie, 1 << 1); rig.utcb.setBig(S.vstimecmp, -1n);
    expect(rig.event(Cause.wfi).answered).toBe(true);
    rig.utcb.setNum(S.hvip, 0); rig.utcb.setNum(S.vsie, 1 << 1); rig.utcb.setNum(S.vstimecmp, 1);
    rig.now = 1e6;
    expect(rig.event(Cause.wfi).asks).toEqual(wait(Infinity));
  });

  it('is woken by an external interrupt, which goes into hvip', () => {
    boot();
    rig.utcb.setNum(S.hvip, 0); rig.utcb.setNum(S.vsie, 1 << 9); rig.utcb.setBig(S.vstimecmp, -1n);
    rig.event(Cause.wfi);
    rig.v.setExternal(true);
    const attention = rig.v.attend(rig.sys);
    expect([attention.next(0).done, attention.next(0).done]).toEqual([false, true]); // raises the semaphore
    rig.step();
    while (!rig.answered) rig.step();
    expect([rig.utcb.mtd, rig.utcb.num(S.hvip)]).toEqual([Mtd.irq, 1 << 10]);
    rig.v.setExternal(false);
    rig.event(Cause.recall);
    while (!rig.answered) rig.step();
    expect([rig.utcb.mtd, rig.utcb.num(S.hvip)]).toEqual([Mtd.irq, 0]);
  });

  it('is recalled while it runs, left alone while its event is handled', () => {
    boot();
    const attention = rig.v.attend(rig.sys);
    expect(attention.next(0).value).toMatchObject({ cap: GUEST });
    expect(rig.utcb.label).toBe(Ops.thread.recall.label);
  });

  it('stops for good, and can be started again', () => {
    boot();
    rig.utcb.setNum(S.x + 8 * 17, 0x48_534d); rig.utcb.setNum(S.x + 8 * 16, 1);
    rig.event(Cause.sbi);
    expect([rig.asks.label, rig.v.started]).toEqual([Ops.semaphore.down.label, false]);
    rig.v.begin(BigInt(RAM_BASE), 7n);
    expect(rig.bodies).toEqual(['gone']);
    rig.step();
    expect([rig.bodies, rig.asks.flags]).toEqual([['gone', 'made'], IpcFlag.receive]); // nobody waits for an answer
    rig.event(Cause.startup);
    while (!rig.answered) rig.step();
    expect([rig.utcb.pc, rig.utcb.x(11)]).toEqual([RAM_BASE, 7]);
  });

  it('sleeps until an interrupt, and begins anew where it was told', () => {
    boot();
    rig.utcb.setNum(S.hvip, 0); rig.utcb.setNum(S.vsie, 1 << 9); rig.utcb.setBig(S.vstimecmp, -1n); rig.utcb.setNum(S.x + 8 * 5, 99);
    for (const [register, value] of [[10, 0], [11, RAM_BASE + 64], [12, 5], [16, 0], [17, 0x5355_5350]])
      rig.utcb.setNum(S.x + 8 * register, value);
    rig.event(Cause.sbi);
    expect([rig.answered, rig.v.suspended, rig.asks.label]).toEqual([false, true, Ops.semaphore.down.label]);
    rig.v.setExternal(true);
    rig.step();
    while (!rig.answered) rig.step();
    expect([rig.v.suspended, rig.utcb.pc, rig.utcb.x(10), rig.utcb.x(11), rig.utcb.x(5), rig.utcb.num(S.hvip)]).toEqual([false, RAM_BASE
      + 64, 0, 5, 0, 1 << 10]);
    expect(rig.utcb.mtd & (Mtd.args | Mtd.regs | Mtd.pc | Mtd.vs | Mtd.irq)).toBe(Mtd.args | Mtd.regs | Mtd.pc | Mtd.vs | Mtd.irq);
  });

  describe('at a device', () => {
    const seen: string[] = [];
    const device: Chip = {
      name: 'probe', size: 16, reset: () => {}, save: () => null, load: () => {},
      read: (o, n) => { seen.push(`r${n} ${o}`); return 0x8000_0080; }, write: (o, v, n) => { seen.push(`w${n} ${o} ${v.toString(16)}`); }
    };
    const fault = (gpa: number, htinst: number, store: boolean): void => {
      rig.utcb.setBig(S.pc, -0x10n);
      rig.event(Cause.guestPageFault, [store ? 23 : 21, gpa % 4, Math.floor(gpa / 4), htinst]);
    };
    beforeEach(() => { seen.length = 0; boot(); rig.bus.attach(0x1000_0000, device); });

    it('loads with the right size and sign into the right register', () => {
      fault(0x1000_0001, 0x0000_0783, false); // lb a5
      expect([seen, rig.utcb.x(15), rig.utcb.big(S.pc), rig.utcb.mtd]).toEqual([['r1 1'], -128, -0xcn, Mtd.args | Mtd.pc]);
      fault(0x1000_0004, 0x0000_6281, false); // lwu t0, compressed length
      expect([rig.utcb.x(5), rig.utcb.big(S.pc), rig.utcb.mtd]).toEqual([0x8000_0080, -0xen, Mtd.regs | Mtd.pc]);
      fault(0x1000_0008, 0x0000_3783, false); // ld a5
      expect([seen.slice(2), rig.utcb.xBig(15)]).toEqual([['r4 8', 'r4 12'], BigInt.asIntN(64, 0x8000_0080_8000_0080n)]);
    });
    it('decodes an instruction that the kernel has read', () => {
      fault(0x1000_0001, 2 ** 32 + 0x0055_8783, false); // lb a5, 5(a1)
      expect([seen, rig.utcb.x(15), rig.utcb.big(S.pc)]).toEqual([['r1 1'], -128, -0xcn]);
      fault(0x1000_0004, 2 ** 32 + 0x419c, false); // c.lw a5, 0(a1)
      expect([seen.slice(1), rig.utcb.x(15), rig.utcb.big(S.pc)]).toEqual([['r4 4'], -0x7fff_ff80, -0xen]);
    });
    it('stores what the register holds', () => {
      rig.utcb.setNum(S.x + 8 * 15, 0x1234_5678);
      fault(0x1000_0003, 0x00f0_0023, true); // sb
      fault(0x1000_0004, 0x00f0_2023, true); // sw
      fault(0x1000_0004, 0x0000_2023, true); // sw zero
      expect([seen, rig.utcb.mtd]).toEqual([['w1 3 78', 'w4 4 12345678', 'w4 4 0'], Mtd.pc]);
    });
    it('gives the guest an access fault where nobody is, and for atomics', () => {
      rig.utcb.setBig(S.vstvec, 0x8020_1000n);
      for (const [gpa, htinst] of [[0x2000_0000, 0x2783], [0x1000_0000, 0x1002_02af], [0x1000_0002, 0x2783]]) {
        fault(gpa, htinst, false);
        expect(rig.asks.label).toBe(Ops.thread.getState.label);
        rig.step();
        expect([rig.answered, rig.utcb.pc, rig.utcb.num(S.vscause)]).toEqual([true, 0x8020_1000, 5]);
      }
      expect(seen).toEqual([]);
    });
  });
});
