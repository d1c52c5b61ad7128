/**
 * A machine without an engine, for specs of the kernel: RAM, time, timers and idle harts. Enough for TypeScript threads; a RISC-V
 * thread does nothing but trap, every 500 cycles, in turn for one cause and another.
 */
import type { Bus, HartApi, PhysicalMemory } from '../../machine/api.ts';
import { Kernel } from '../kernel.ts';
import type { KernelMachine, KernelOptions } from '../boot.ts';
import { entryOf, type ThreadBody } from '../../binding/index.ts';

const BASE = 0x8000_0000;
/** misa, and its letter H. */
const MISA = 0x301, HYPERVISOR = 0x80n;
const CAUSES = [8, 8, 13, 8, 15, 2, 12, 21, 22, 10];

class FakeMemory implements PhysicalMemory {
  readonly base = BASE;
  readonly size: number;
  readonly #bytes: Uint8Array;
  readonly #data: DataView;
  constructor(size: number) {
    this.size = size;
    this.#bytes = new Uint8Array(size);
    this.#data = new DataView(this.#bytes.buffer);
  }
  isRam(pa: number, length: number): boolean { return pa >= BASE && pa + length <= BASE + this.size; }
  u8(pa: number): number { return this.#data.getUint8(pa - BASE); }
  u16(pa: number): number { return this.#data.getUint16(pa - BASE, true); }
  u32(pa: number): number { return this.#data.getUint32(pa - BASE, true); }
  u64(pa: number): bigint { return this.#data.getBigUint64(pa - BASE, true); }
  setU8(pa: number, v: number): void { this.#data.setUint8(pa - BASE, v); }
  setU16(pa: number, v: number): void { this.#data.setUint16(pa - BASE, v, true); }
  setU32(pa: number, v: number): void { this.#data.setUint32(pa - BASE, v, true); }
  setU64(pa: number, v: bigint): void { this.#data.setBigUint64(pa - BASE, v, true); }
  view(pa: number, length: number): Uint8Array { return this.#bytes.subarray(pa - BASE, pa - BASE + length); }
  writable(pa: number, length: number): Uint8Array { return this.view(pa, length); }
  write(pa: number, bytes: Uint8Array): void { this.view(pa, bytes.length).set(bytes); }
  fill(pa: number, length: number, byte: number): void { this.#bytes.fill(byte, pa - BASE, pa - BASE + length); }
  copy(to: number, from: number, length: number): void { this.#bytes.copyWithin(to - BASE, from - BASE, from - BASE + length); }
}

class FakeHart implements HartApi {
  readonly id: number;
  readonly x = new BigInt64Array(64).subarray(0, 32);
  readonly f = new BigInt64Array(this.x.buffer, 256, 32);
  readonly x32 = new Int32Array(this.x.buffer, 0, 64);
  pc = 0n;
  readonly pcNum = 0;
  readonly pc32 = new Int32Array(2);
  priv: 0 | 1 | 3 = 0;
  virt = false;
  fcsr = 0;
  causeCode = 0;
  causeIsInterrupt = false;
  readonly tvalNum = 0x5000;
  executing = false;
  traps = 0;
  cycles = 0;
  readonly instret = 0;
  timer = Infinity;
  kicked = false;
  waiting = false;
  fences = 0;
  readonly #csrs = new Map<number, bigint>();
  readonly #free: boolean;
  constructor(id: number, free: boolean) { this.id = id; this.#free = free; }
  num(i: number): number { return Number(this.x[i]); }
  setNum(i: number, v: number): void { this.x[i] = BigInt(v); }
  leftBy(): number { return Number(this.csr(0x64a)); }
  csr(number: number): bigint { return this.#csrs.get(number) ?? (number === MISA ? HYPERVISOR : 0n); }
  setCsr(number: number, value: bigint): void { this.#csrs.set(number, value); }
  enter(): void {}
  resume(): void { this.executing = true; }
  /** Time passes until the thread traps. */
  nextTrap(): void {
    this.executing = false;
    this.cycles += 500;
    this.causeIsInterrupt = this.cycles >= this.timer || this.kicked;
    this.causeCode = this.causeIsInterrupt ? (this.kicked ? 1 : 5) : CAUSES[this.traps++ % CAUSES.length];
    this.kicked = false;
  }
  advance(): void {}
  readonly undisturbed = false;
  idle(): void { this.waiting = true; this.executing = false; }
  switchSpace(): void {}
  charge(n: number): void { if (!this.#free) this.cycles += n; }
  setTimer(cycle: number): void { this.timer = cycle; }
  kick(): void { this.kicked = true; }
  sfenceVma(): void { this.fences++; }
  hfenceGvma(): void { this.fences++; }
}

export class FakeMachine implements KernelMachine {
  readonly harts: FakeHart[];
  readonly memory: FakeMemory;
  readonly bus: Bus = { read: () => undefined, write: () => false };
  /** The supervisor that handles its traps, once it exists. */
  kernel: Kernel | undefined = undefined;

  /** Told before a hart wakes. */
  onWake: ((hart: FakeHart) => void) | undefined = undefined;

  /** `free`: the kernel's work takes no time. */
  constructor(bytes = 16 * 2 ** 20, harts = 1, free = false) {
    this.memory = new FakeMemory(bytes);
    this.harts = Array.from({ length: harts }, (_, i) => new FakeHart(i, free));
  }

  /** Runs until every hart waits for ever, or `steps` slices have passed. */
  run(steps = 100_000): void {
    for (let i = 0; i < steps; i++) {
      const next = this.#next();
      if (!next) return;
      if (next.executing) {
        next.nextTrap();
        this.kernel?.trap(next);
        continue;
      }
      const at = next.kicked ? next.cycles : Math.max(next.cycles, next.timer);
      next.cycles = at;
      next.kicked = next.waiting = false;
      next.timer = Infinity;
      this.onWake?.(next);
      this.kernel?.wake(next);
    }
    throw new Error('the fake machine is still busy');
  }
  /** The hart whose turn is first; undefined when none will ever wake. */
  #next(): FakeHart | undefined {
    let best: FakeHart | undefined, at = Infinity;
    for (const hart of this.harts) {
      const due = hart.kicked || hart.executing ? hart.cycles : Math.max(hart.cycles, hart.timer);
      if (due < at) { at = due; best = hart; }
    }
    return best;
  }
}

/** Boots a kernel on a fake machine with this first thread and runs it until all is quiet. Kernel lines go to `lines`. */
export function bootFake(root: ThreadBody,
    options: Partial<KernelOptions> & {
      harts?: number; bytes?: number; onKernel?: (k: Kernel) => void
    } = {}): { kernel: Kernel; machine: FakeMachine; lines: string[] } {
  const machine = new FakeMachine(options.bytes, options.harts), lines: string[] = [];
  const kernel = machine.kernel = new Kernel({ log: line => lines.push(line), ...options, machine, root: entryOf(root) });
  options.onKernel?.(kernel);
  machine.run();
  return { kernel, machine, lines };
}
