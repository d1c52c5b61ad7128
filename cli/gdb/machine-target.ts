/** A bare machine as GDB sees it: every hart is a thread, memory is what the selected hart sees. */
import { Debugger, type PointKind } from '../../machine/debug/debugger.ts';
import { readMemory, writeMemory } from '../../machine/debug/memory.ts';
import { readRegister, REG, writeRegister } from '../../machine/debug/registers.ts';
import { rootsOf, walk } from '../../machine/debug/translate.ts';
import { walkLines } from '../../machine/debug/walked.ts';
import type { Hart } from '../../machine/hart/hart.ts';
import type { Machine } from '../../machine/machine.ts';
import { hartDescription, registerBytes } from './description.ts';
import { hexNumber } from './packets.ts';
import type { MonitorCommand, PointCondition, Target, TargetStop, ThreadAction, ThreadInfo } from './target.ts';

const SIGTRAP = 5;
const MAX_STEPS = 1_000_000;
/** A hart that waits may do so for that long. */
const STEP_CYCLES = 1e9;
const DEVICE_SIZES = [1, 2, 4, 8];

interface Point {
  readonly kind: PointKind;
  readonly address: bigint;
  readonly length: number;
  readonly condition: PointCondition | undefined
}

export class MachineTarget implements Target {
  readonly coreRegisters = REG.f;
  isPhysical = false;
  #machine!: Machine;
  #debug!: Debugger;
  #description = '';
  /** Points that are set: they outlive a restart of the machine. */
  readonly #points: Point[] = [];
  /** Bytes of one register, for conversion. */
  readonly #bytes = new DataView(new ArrayBuffer(8));

  /** From now on this is the machine: the first, or the next after a restart. */
  attach(machine: Machine): void {
    this.#machine = machine;
    this.#debug = new Debugger(machine);
    machine.debug = this.#debug;
    this.#description = hartDescription(machine.features);
    for (const point of this.#points) this.#set(point);
  }

  get description(): string { return this.#description; }

  threads(): ThreadInfo[] { return this.#machine.harts.map((h) => ({ id: h.id + 1, name: `hart ${h.id}`, state: stateOf(h) })); }

  /** The hart that stopped last, or the first that has something to do. */
  get current(): number {
    const stopped = this.#debug.stop?.hart;
    const busy = this.#machine.harts.find((h) => !h.waiting && !h.parked);
    return (stopped ?? busy?.id ?? 0) + 1;
  }

  /** Why `run` has answered 'debug'. */
  stopped(): TargetStop {
    const stop = this.#debug.stop;
    if (stop === undefined || stop.kind === 'step' || stop.kind === 'first' || stop.kind === 'request')
      return { kind: 'signal', thread: this.current, signal: SIGTRAP };
    return { kind: 'point', thread: stop.hart + 1, point: stop.kind, address: stop.address };
  }

  readRegister(thread: number, register: number): Uint8Array | undefined {
    const value = readRegister(this.#hart(thread), register);
    if (value === undefined) return undefined;
    this.#bytes.setBigUint64(0, value, true);
    return new Uint8Array(this.#bytes.buffer.slice(0, registerBytes(register)));
  }

  writeRegister(thread: number, register: number, value: Uint8Array): boolean {
    if (value.length !== registerBytes(register)) return false;
    this.#bytes.setBigUint64(0, 0n, true);
    value.forEach((byte, i) => this.#bytes.setUint8(i, byte));
    return writeRegister(this.#hart(thread), register, this.#bytes.getBigUint64(0, true));
  }

  readMemory(thread: number, address: bigint, length: number): Uint8Array | undefined {
    return readMemory(this.#machine, this.#view(thread), address, length);
  }
  writeMemory(thread: number, address: bigint, bytes: Uint8Array): boolean {
    return writeMemory(this.#machine, this.#view(thread), address, bytes);
  }

  insert(kind: PointKind, address: bigint, length: number, condition?: PointCondition): void {
    const point = { kind, address, length, condition };
    this.#points.push(point);
    this.#set(point);
  }

  #set({ kind, address, length, condition }: Point): void {
    this.#debug.insert(kind, address, length, condition && ((h) => condition(h.id + 1)));
  }

  remove(kind: PointKind, address: bigint, length: number): boolean {
    const i = this.#points.findIndex((p) => p.kind === kind && p.address === address && p.length === length);
    if (i >= 0) this.#points.splice(i, 1);
    return this.#debug.remove(kind, address, length);
  }

  removeAll(): void {
    this.#points.length = 0;
    this.#debug.removeAll();
  }

  resume(actions: readonly ThreadAction[]): void {
    this.#debug.resume(actions.map(({ thread, step }) => ({ hart: thread - 1, step })));
  }

  physical(on: boolean): boolean {
    this.isPhysical = on;
    return true;
  }

  readonly commands: Record<string, MonitorCommand> = {
    info: { help: 'the harts: pc, mode, instructions, and virtual time', run: () => this.#info() },
    translate: { help: 'translate ADDRESS: where the selected hart has it, level by level',
      run: (words, thread) => this.#translate(words, thread) },
    step: {
      help: 'step [N]: exactly N instructions of the selected hart, the others held (GDB steps by breakpoints, and gets lost at mret, sret '
        + 'and traps)',
      run: (words, thread) => this.#step(words, thread)
    },
    peek: { help: 'peek ADDRESS [1|2|4|8]: reads a device register, with its side effects', run: (words) => this.#peek(words) },
    poke: { help: 'poke ADDRESS 1|2|4|8 VALUE: writes a device register', run: (words) => this.#poke(words) },
  };

  #hart(thread: number): Hart { return this.#machine.harts[thread - 1]!; }
  #view(thread: number): Hart | 'physical' { return this.isPhysical ? 'physical' : this.#hart(thread); }

  #info(): string {
    const lines = this.#machine.harts.map((h) => `hart ${h.id}: pc 0x${h.pc.toString(16)}, ${stateOf(h)}, ${h.instret} instructions`);
    return `${lines.join('\n')}\n${this.#machine.instructions} instructions, cycle ${this.#machine.events.now}\n`;
  }

  #step([text = '1']: readonly string[], thread: number): string {
    const count = Number(number(text) ?? 0n);
    if (count < 1 || count > MAX_STEPS) return `give a number of instructions, 1 to ${MAX_STEPS}\n`;
    for (let i = 0; i < count && !this.#hart(thread).parked; i++) {
      this.#debug.resume([{ hart: thread - 1, step: true }]);
      const reason = this.#machine.run({ maxCycles: STEP_CYCLES });
      if (reason.kind === 'poweroff' || reason.kind === 'reset') this.#machine.stop(reason);
      if (reason.kind !== 'debug' || this.#debug.stop?.kind !== 'step') break;
    }
    return `0x${this.#hart(thread).pc.toString(16)}, ${stateOf(this.#hart(thread))}; say 'flushregs' so that gdb asks anew\n`;
  }

  #translate([text]: readonly string[], thread: number): string {
    const address = number(text);
    if (address === undefined) return 'give an address\n';
    return `${walkLines(walk(this.#machine.linear, rootsOf(this.#hart(thread)), address)).join('\n')}\n`;
  }

  #peek([text, width = '4']: readonly string[]): string {
    const address = number(text);
    if (address === undefined || !DEVICE_SIZES.includes(Number(width))) return 'give an address and 1, 2, 4 or 8\n';
    const { bus } = this.#machine;
    const low = bus.read(Number(address), Math.min(Number(width), 4));
    const high = width === '8' ? bus.read(Number(address) + 4, 4) : 0;
    if (low === undefined || high === undefined) return `there is no device at 0x${address.toString(16)}\n`;
    return `0x${((BigInt(high) << 32n) | BigInt(low)).toString(16)}\n`;
  }

  #poke([text, width, value]: readonly string[]): string {
    const address = number(text);
    const bits = number(value);
    if (address === undefined || bits === undefined || !DEVICE_SIZES.includes(Number(width)))
      return 'give an address, 1, 2, 4 or 8, and a value\n';
    const { bus } = this.#machine;
    const ok = bus.write(Number(address), Math.min(Number(width), 4), Number(BigInt.asUintN(8 * Math.min(Number(width), 4), bits)));
    if (ok && width === '8') bus.write(Number(address) + 4, 4, Number(bits >> 32n));
    return ok ? '' : `there is no device at 0x${address.toString(16)}\n`;
  }
}

/** As users write numbers: hexadecimal with 0x, else decimal. */
function number(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  return text.startsWith('0x') ? hexNumber(text.slice(2)) : /^\d{1,19}$/.test(text) ? BigInt(text) : undefined;
}

const MODES = ['U', 'S', '', 'M'];

function stateOf(hart: Hart): string {
  const mode = `${hart.virt ? 'V' : hart.priv === 1 && hart.features.h ? 'H' : ''}${MODES[hart.priv]} mode`;
  return hart.parked ? 'not started' : hart.waiting ? `${mode}, waiting` : mode;
}
