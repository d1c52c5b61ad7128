import { describe, expect, it } from 'vitest';
import type { HartApi, Supervisor } from './api.ts';
import { assemble } from '../hardware/isa/assemble.ts';
import { Machine } from './machine.ts';
import type { MachineOptions } from './machine.ts';

const RAM = 0x8000_0000;
const MIB = 1 << 20;

function load(machine: Machine, text: string, at = RAM): void {
  const { bytes } = assemble(text, at);
  machine.memory.writable(at, bytes.length).set(bytes);
}

function bare(text: string, options: Partial<MachineOptions> = {}): Machine {
  const machine = new Machine({ memoryBytes: MIB, ...options });
  load(machine, text);
  machine.reset(RAM);
  return machine;
}

describe('a bare machine', () => {
  it('starts in M mode with the hart number in a0 and the device tree in a1', () => {
    const machine = bare('loop: j loop', { harts: 2 });
    machine.reset(RAM, 0x8000_8000);
    machine.run({ maxInstructions: 10 });
    expect(machine.harts.map((h) => [h.num(10), h.num(11), h.priv])).toEqual([[0, 0x8000_8000, 3], [1, 0x8000_8000, 3]]);
  });

  it('counts instructions exactly, however it is driven', () => {
    const program = 'loop: addi t0, t0, 1\n addi t1, t1, 3\n j loop';
    const machine = bare(program);
    expect(machine.run({ maxInstructions: 7 }).kind).toBe('instructions');
    expect([machine.instructions, machine.harts[0].num(5), machine.harts[0].num(6)]).toEqual([7, 3, 6]);
    machine.run({ maxInstructions: 29_993 });
    const other = bare(program);
    other.run({ maxInstructions: 30_000 });
    expect(machine.harts[0].num(5)).toBe(other.harts[0].num(5));
  });

  it('an illegal instruction traps to mtvec with the instruction in mtval', () => {
    const machine = bare('la t0, handler\n csrw mtvec, t0\n .word 0xffffffff\n .align 2\nhandler: csrr a0, mcause\n csrr a1, mtval\n'
      + ' csrr a2, mepc\nloop: j loop');
    machine.run({ maxInstructions: 30 });
    const hart = machine.harts[0];
    expect([hart.num(10), hart.num(11), hart.csr(0x341) - BigInt(RAM)]).toEqual([
      2, 0xffff_ffff, BigInt(assemble('la t0, handler\n csrw mtvec, t0\nhandler:', RAM).bytes.length)
    ]);
  });

  it('time jumps to the next event while every hart waits, and wfi ends when an enabled interrupt is pending', () => {
    const machine = bare('li t0, 8\n csrw mie, t0\n wfi\n li a0, 77\nloop: j loop');
    machine.events.at(1_000_000, () => machine.drive(0, 3, true));
    machine.run({ maxInstructions: 6 });
    expect(machine.harts[0].num(10)).toBe(77);
    expect(machine.harts[0].cycles).toBeGreaterThanOrEqual(1_000_000);
    expect(machine.harts[0].cycles).toBeLessThan(1_000_100);
  });

  it('takes input between two runs before what is due at that cycle, as a replay does, and in an idle machine a cycle later', () => {
    const machine = bare('loop: wfi\n j loop'), seen: string[] = [];
    const note = (what: string) => () => { seen.push(`${what} ${machine.now}`); };
    machine.events.at(5000, note('event'));
    expect(machine.run({ maxCycles: 5000 }).kind).toBe('yield');
    machine.input(note('input'));
    expect(machine.run().kind).toBe('deadlock');
    machine.input(note('late'));
    expect(machine.run().kind).toBe('deadlock');
    expect(seen).toEqual(['input 5000', 'event 5000', 'late 5001']);
  });

  it('is in a deadlock when nothing can ever happen', () => {
    expect(bare('wfi\nloop: j loop').run().kind).toBe('deadlock');
  });

  it('a hart that polls by wfi although an interrupt is pending leaves the time to the others (OpenSBI before a hart is started)', () => {
    const machine = bare('csrr t0, mhartid\n bnez t0, poll\nloop: addi a0, a0, 1\n j loop\npoll: li t0, 8\n csrw mie, t0\nagain: wfi\n'
      + ' addi a0, a0, 1\n j again',
      { harts: 2 });
    machine.drive(1, 3, true);
    machine.run({ maxCycles: 1_000_000 });
    expect(machine.harts[0].num(10)).toBeGreaterThan(400_000);
    expect(machine.harts[1].num(10)).toBeGreaterThan(100);
    expect(machine.harts[1].num(10)).toBeLessThan(1_000);
  });

  it('a timer interrupt is taken at its exact cycle', () => {
    const machine = bare('la t0, handler\n csrw mtvec, t0\n li t0, 0x80\n csrw mie, t0\n csrsi mstatus, 8\nloop: addi a0, a0, 1\n j loop\n'
      + ' .align 2\nhandler: csrr a1, mcycle\nstop: j stop');
    machine.events.at(5_000, () => machine.drive(0, 7, true));
    machine.run({ maxInstructions: 6_000 });
    expect(machine.harts[0].num(11)).toBe(5_000);
  });

  it('self-modified code is executed as modified', () => {
    const machine = bare('la t0, patch\n li t1, 0x00500513\n li s0, 2\nagain: jal ra, patch\n sw t1, 0(t0)\n fence.i\n addi s0, s0, -1\n'
      + ' bnez s0, again\nloop: j loop\n .align 2\npatch: li a0, 1\n ret');
    machine.run({ maxInstructions: 60 });
    expect(machine.harts[0].num(10)).toBe(5);
  });

  it('a run in chunks computes what one run computes', () => {
    const program = 'loop: rdcycle t0\n add a0, a0, t0\n xor a1, a1, a0\n j loop';
    const whole = bare(program, { quantum: 10_000 });
    whole.run({ maxCycles: 100_000 });
    const parts = bare(program, { quantum: 10_000 });
    for (let i = 0; i < 10; i++) parts.run({ maxCycles: 10_000 });
    expect([parts.harts[0].x[10], parts.harts[0].x[11], parts.instructions]).toEqual([
      whole.harts[0].x[10], whole.harts[0].x[11], whole.instructions
    ]);
  });
});

/** A supervisor that records every trap and lets `act` decide. */
class Recorder implements Supervisor {
  readonly traps: string[] = [];
  act: (hart: HartApi) => void = (hart) => hart.idle();
  onWake: (hart: HartApi) => void = (hart) => hart.enter(BigInt(RAM), 0, false);

  trap(hart: HartApi): void {
    this.traps.push(
      `${hart.id}:${hart.causeIsInterrupt ? 'i' : ''}${hart.causeCode}@${(hart.pcNum - RAM).toString(16)}:${hart.tvalNum.toString(16)}`);
    this.act(hart);
  }
  wake(hart: HartApi): void { this.onWake(hart); }
}

function hosted(text: string, options: Partial<MachineOptions> = {}): { machine: Machine; supervisor: Recorder } {
  const supervisor = new Recorder();
  const machine = new Machine({ memoryBytes: MIB, supervisor, ...options });
  load(machine, text);
  for (const hart of machine.harts) {
    hart.setCsr(0x104, 0x222n);
    hart.setTimer(0);
  }
  return { machine, supervisor };
}

describe('a hosted machine', () => {
  it('calls the supervisor for every trap, with the pc at the cause', () => {
    const { machine, supervisor } = hosted('li a7, 5\n ecall\n li a0, 9\n ebreak');
    supervisor.act = (hart) => {
      if (hart.causeCode !== 8) return hart.idle();
      expect(hart.num(17)).toBe(5);
      hart.advance(4);
    };
    expect(machine.run().kind).toBe('deadlock');
    expect(supervisor.traps.map((t) => t.split('@')[0])).toEqual(['0:8', '0:3']);
    expect(machine.harts[0].num(10)).toBe(9);
  });

  it('the timer comes at its cycle; charged time counts', () => {
    const { machine, supervisor } = hosted('loop: j loop');
    const at: number[] = [];
    supervisor.onWake = (hart) => { hart.charge(500); hart.setTimer(2_000); hart.enter(BigInt(RAM), 0, false); };
    supervisor.act = (hart) => { at.push(hart.cycles); hart.idle(); };
    machine.run();
    expect(at).toEqual([2_000]);
    expect(machine.harts[0].instret).toBe(1_500);
  });

  it('a supervisor may work on while nothing is due: no event, no stop, no interrupt, and the turn lasts', () => {
    const { machine, supervisor } = hosted('loop: j loop'), seen: [string, boolean][] = [];
    const act: readonly [string, (hart: HartApi) => void][] = [
      ['begin', () => {}], ['charge', (hart) => hart.charge(500)], ['past the turn', (hart) => hart.charge(machine.quantum)],
      ['an event soon', (hart) => { machine.events.at(hart.cycles + 10, () => {}); }],
      ['it is due', (hart) => { machine.events.at(hart.cycles + 10, () => {}); hart.charge(20); }],
      ['a kick', (hart) => hart.kick()], ['a stop', () => machine.stop()],
    ];
    supervisor.onWake = (hart) => {
      const [name, step] = act[seen.length];
      step(hart);
      seen.push([name, hart.undisturbed]);
      hart.setTimer(hart.cycles);
      hart.idle();
    };
    for (let i = 0; seen.length < act.length && i < 20; i++) machine.run();
    expect(seen).toEqual([['begin', true], ['charge', true], ['past the turn', false], ['an event soon', true], ['it is due', false],
      ['a kick', false], ['a stop', false]]);
  });

  it('a kick reaches another hart, once', () => {
    const { machine, supervisor } = hosted('loop: j loop', { harts: 2 });
    supervisor.onWake = (hart) => {
      if (hart.id === 0) machine.harts[1].kick();
      hart.enter(BigInt(RAM), 0, false);
      if (hart.id === 0) hart.idle();
    };
    machine.run({ maxInstructions: 50 });
    expect(supervisor.traps.every((t) => t.startsWith('1:i1'))).toBe(true);
    expect(supervisor.traps.length).toBeLessThanOrEqual(1);
  });

  it('address spaces switch without flushing, and a fence forgets a page', () => {
    const { machine, supervisor } = hosted('lw a0, 0(s0)\n ecall\n .align 12');
    const table = (at: number, page: number): void => {
      // Root at `at`: 0x40000000 … maps through one table to code (page 0) and data (page 1).
      machine.memory.setU64(at + 8, BigInt(((at + 0x1000) >>> 12) << 10) | 1n);
      machine.memory.setU64(at + 0x1000, BigInt(((at + 0x2000) >>> 12) << 10) | 1n);
      machine.memory.setU64(at + 0x2000, BigInt((RAM >>> 12) * 1024) | 0xdbn);
      machine.memory.setU64(at + 0x2008, BigInt((page >>> 12) * 1024) | 0xd3n);
    };
    const [first, second] = [RAM + 0x1_0000, RAM + 0x2_0000];
    table(first, RAM + 0x4_0000);
    table(second, RAM + 0x5_0000);
    machine.memory.setU32(RAM + 0x4_0000, 1111);
    machine.memory.setU32(RAM + 0x5_0000, 2222);
    const seen: number[] = [];
    const only = machine.harts[0];
    supervisor.onWake = (hart) => {
      hart.setNum(8, 0x4000_1000);
      hart.switchSpace(first, 1);
      hart.enter(0x4000_0000n, 0, false);
    };
    supervisor.act = (hart) => {
      seen.push(hart.num(10));
      if (seen.length === 1) hart.switchSpace(second, 2);
      if (seen.length === 2) hart.switchSpace(first, 1);
      if (seen.length === 3) {
        table(first, RAM + 0x5_0000);
        hart.sfenceVma(0x4000_1000, 1);
      }
      if (seen.length === 4) return hart.idle();
      hart.enter(0x4000_0000n, 0, false);
    };
    machine.run();
    expect(seen).toEqual([1111, 2222, 1111, 2222]);
    expect(supervisor.traps.every((t) => t.startsWith('0:8'))).toBe(true);
    expect(only.csr(0x142)).toBe(8n);
  });

  it('page faults say what and where; writes to read-only pages are store faults', () => {
    const { machine, supervisor } = hosted('sw a0, 0(s0)\n ebreak');
    supervisor.onWake = (hart) => {
      machine.memory.setU64(RAM + 0x1_0000 + 16, BigInt((RAM >>> 12) * 1024) | 0xcbn | 16n);
      hart.switchSpace(RAM + 0x1_0000, 1);
      hart.setNum(8, RAM + 0x100);
      hart.enter(BigInt(RAM), 0, false);
    };
    machine.run();
    expect(supervisor.traps).toEqual(['0:15@0:80000100']);
  });
});
