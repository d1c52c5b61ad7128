/** Runs one instruction once: does it trap, which state of the machine does it change, and what does the program observe? */
import { HS } from '../engine/layout.ts';
import { IP, IP_S, IP_VS, MSTATUS } from '../hart/bits.ts';
import { C } from '../hart/slots.ts';
import type { Hart } from '../hart/hart.ts';
import { World, type Mode, type State } from './world.ts';

export interface Outcome {
  /** Exception code; undefined when the instruction completed. */
  readonly trap: number | undefined;
  /**
   * State that it changed besides the program's registers and memory: register names with bits, `mode`, `waits`, `TLB`, `memory of the
   * machine`.
   */
  readonly effects: readonly string[];
  /** Registers, pc and memory afterwards, as one text. */
  readonly result: string;
}

/** Registers that a trial begins with, x1 … x31. */
export type Registers = readonly bigint[];

const PRIVILEGE: Record<Mode, readonly [priv: 0 | 1, virt: boolean]> = { U: [0, false], S: [1, false], VS: [1, true], VU: [0, true] };
/** Physical memory under the kseg0 window: different contents in the state `elsewhere`. */
const WINDOW_WORDS: Partial<Record<State, number>> = { elsewhere: 0x600d_f00d };
const WINDOW_WORD = 0x0bad_f00d;
/** mtime in the state where the machine's own registers differ. */
const OTHER_TIME = 0x1234_5678;

/** Names of slots, lower words and upper words. */
const NAMES = new Map<number, string>(Object.entries(C).flatMap(([name, slot]) => [[slot, name], [slot + 1, name]]));
const STATUS_BITS = ['SIE', 'SPIE', 'SPP', 'FS', 'SUM', 'MXR'] as const;

/** The name of the register in a slot, or of its changed bits. */
function namesOf(slot: number, changed: number): string[] {
  switch (slot) {
    case C.mstatus:
    case C.vsstatus:
      return STATUS_BITS.filter((bit) => (changed & MSTATUS[bit]) !== 0).map((bit) =>
        `${slot === C.mstatus ? 'sstatus' : 'vsstatus'}.${bit}`);
    case C.mie: return [...((changed & IP_S) !== 0 ? ['sie'] : []), ...((changed & IP_VS) !== 0 ? ['vsie'] : [])];
    case C.hvip: return [(changed & ~IP.VSSI) === 0 ? 'vsip' : 'hvip'];
    case C.softPending: return ['sip'];
    default: return [NAMES.get(slot) ?? `slot ${slot}`];
  }
}

export class Bench {
  readonly world: World;
  readonly #hart: Hart;
  readonly #templates = new Map<string, Int32Array>();
  /** The initial contents of the data pages. */
  readonly #pristine: Int32Array;

  constructor(world: World) {
    this.world = world;
    this.#hart = world.machine.harts[0]!;
    world.machine.reset(world.home.base);
    world.restore();
    // Physical protection is the same in all states: everything is allowed.
    this.#hart.c.set(world.csrs('S', 'open'));
    this.#hart.pmp.update();
    this.#pristine = words(world.data('open', false)).slice();
  }

  /** Runs the instruction at `pc` in this mode and state. */
  run(pc: number, mode: Mode, state: State, registers: Registers): Outcome {
    const hart = this.#hart, { world } = this, [priv, virt] = PRIVILEGE[mode], before = this.#template(mode, state);
    hart.c.set(before);
    hart.w.fill(0, HS.FFLAGS >> 2, HS.ADDR >> 2);
    hart.x.fill(0n);
    registers.forEach((value, i) => { hart.x[i + 1] = value; });
    for (let i = 0; i < 32; i++) hart.f[i] = 0x3ff0_0000_0000_0000n + BigInt(i);
    hart.waiting = hart.parked = false;
    hart.wires = 0;
    const word = (world.window = WINDOW_WORDS[state] ?? WINDOW_WORD);
    world.machine.setTicks(state === 'host' ? OTHER_TIME : 0);
    hart.timers.supervisorChanged();
    hart.timers.guestChanged();
    hart.contexts.spaceChanged();
    hart.mmu.forgetGuest();
    hart.setMode(priv, virt);
    hart.pcNum = pc;
    const traps = hart.traps.slice(), counts = { ...hart.contexts.counts };
    world.machine.run({ maxInstructions: 1 });
    const trap = hart.traps.findIndex((n, cause) => n !== traps[cause]);
    const outcome = {
      trap: trap < 0 ? undefined : trap,
      effects: trap < 0 ? [...this.#effects(before, priv, virt, counts), ...(world.window === word ? [] : ['memory of the machine'])] : [],
      result: trap < 0 ? this.#result(state, virt) : ''
    };
    if (!this.#isPristine(state, virt)) world.restore();
    return outcome;
  }

  #template(mode: Mode, state: State): Int32Array {
    const key = `${mode} ${state}`;
    let known = this.#templates.get(key);
    if (!known) {
      this.#templates.set(key, (known = this.world.csrs(mode, state)));
      this.#hart.flushTlbs();
    }
    return known;
  }

  #effects(before: Int32Array, priv: number, virt: boolean, counts: { fences: number; guestFences: number }): string[] {
    const hart = this.#hart, found = new Set<string>();
    hart.foldFs();
    for (let i = 0; i < before.length; i++) {
      const changed = before[i]! ^ hart.c[i]!;
      if (changed === 0) continue;
      for (const name of namesOf(i, changed)) found.add(name);
    }
    if (hart.w[HS.PRIV >> 2] !== priv) found.add('mode');
    if ((hart.w[HS.VIRT >> 2] !== 0) !== virt) found.add('V');
    if (hart.waiting) found.add('waits');
    if (hart.contexts.counts.fences !== counts.fences) found.add('TLB');
    if (hart.contexts.counts.guestFences !== counts.guestFences) found.add('TLB of a guest');
    return [...found];
  }

  #result(state: State, virt: boolean): string {
    const hart = this.#hart, data = words(this.world.data(state, virt)), changes: string[] = [];
    for (let i = 0; i < data.length; i++) if (data[i] !== this.#pristine[i]) changes.push(`${i}:${data[i]}`);
    return [hart.pc, ...hart.x, ...hart.f, hart.fcsr, ...changes].join(' ');
  }


  #isPristine(state: State, virt: boolean): boolean {
    const data = words(this.world.data(state, virt));
    for (let i = 0; i < data.length; i++) if (data[i] !== this.#pristine[i]) return false;
    return true;
  }
}

const words = (bytes: Uint8Array): Int32Array => new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
