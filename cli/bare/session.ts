/**
 * Runs a machine in pieces, so that the host can send input and read output between them: limits, the awaited text, pacing, the door for
 * input. One session outlives reboots of the machine.
 */
import type { CharChannel } from '../../machine/devices/char-channel.ts';
import type { Machine } from '../../machine/machine.ts';
import type { GdbServer } from '../gdb/server.ts';
import type { MachineTarget } from '../gdb/machine-target.ts';
import type { Arrival, InputDoor } from './door.ts';
import type { BareIo } from './io.ts';
import { PanicWatch } from '../../vmm/panic.ts';
import { WatchedText } from './watch.ts';

export interface Limits {
  readonly until?: string;
  readonly maxInstructions?: number;
}

/** A debugger: the run waits for it at the start and before each piece. */
export interface Debugging { readonly server: GdbServer; readonly target: MachineTarget }

/** Cables to other programs: the number still open, and delivery to a card. Virtual time follows the wall clock while any is open. */
export interface OutsideNets { open: number; deliver(card: number, frame: Uint8Array): void }

/** How a run ended. */
export type Ending =
  | { readonly kind: 'poweroff' | 'reset'; readonly code: number }
  | { readonly kind: 'interrupted'; readonly signal: number }
  | { readonly kind: 'onlyFaults'; readonly hart: number }
  | { readonly kind: 'until' | 'limit' | 'deadlock' | 'killed' | 'unread' };

/** Cycles of virtual time between two checks for input, adapted to a target in wall time. No result depends on it. */
const PIECE = { first: 1_000_000, least: 100_000, most: 20_000_000, milliseconds: 10 } as const;
/** Output bytes collected before a write. */
const OUTPUT_HELD = 65_536;
const CTRL_A = 1;
const SIGINT = 2;
const LONGEST_SLEEP_MS = 100;

export class Session {
  readonly #io: BareIo;
  readonly #door: InputDoor;
  readonly #limits: Limits;
  readonly #watch: WatchedText | undefined;
  readonly #debugging: Debugging | undefined;
  readonly #stopListening: () => void;
  readonly #startedAt = performance.now();
  #machine: Machine | undefined;
  #console: CharChannel | undefined;
  /** Detects a panic on the console, and stops the machine while `panicked` inspects it. */
  readonly #panic = new PanicWatch(() => this.#machine!.stop({ kind: 'stopped' }));
  /** Called once with a kernel's panic message. */
  panicked: ((said: string, machine: Machine) => void) | undefined;
  /** Output that is not yet written. */
  readonly #out = new Uint8Array(OUTPUT_HELD);
  #outLength = 0;
  #inputEnded = false;
  /** The signal that ends the run; SIGINT for Ctrl-A X. */
  #interrupted: number | undefined;
  /** The output's reader has gone. */
  #unread = false;
  #escape = false;
  #instructions = 0;
  /** Number of restarts so far. */
  #boot = -1;
  #wake: (() => void) | undefined;
  readonly #outside: OutsideNets;

  constructor(io: BareIo, door: InputDoor, limits: Limits, debugging?: Debugging, outside: OutsideNets = { open: 0, deliver: () => {} }) {
    this.#outside = outside;
    this.#io = io;
    this.#debugging = debugging;
    this.#door = door;
    this.#limits = limits;
    this.#watch = limits.until === undefined ? undefined : new WatchedText(limits.until);
    this.#inputEnded = door.replaying;
    const stops = [door.replaying ? undefined : io.listen((bytes) => this.#arrived(bytes)), io.signals?.((signal) => this.#leave(signal))];
    this.#stopListening = () => { for (const stop of stops) stop?.(); };
  }

  get wallSeconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  /** Sets the machine to run: the first, or the next after a reboot. */
  attach(machine: Machine, console: CharChannel): void {
    this.#boot++;
    this.#machine = machine;
    this.#console = console;
    this.#debugging?.target.attach(machine);
    for (const arrival of this.#door.arrivals) {
      if (arrival.boot === this.#boot) machine.events.at(arrival.cycle, () => this.#enter(arrival));
    }
  }

  /** A frame from outside for a network card; undefined: no more will come. */
  frame(card: number, frame: Uint8Array | undefined): void {
    if (frame === undefined) this.#outside.open--;
    else this.#letIn(frame, card);
    this.#wake?.();
  }

  /** A byte from the machine's console. */
  output(byte: number): void {
    if (this.#outLength === OUTPUT_HELD) this.#flush();
    this.#out[this.#outLength++] = byte;
    this.#panic.byte(byte);
    if (this.#watch?.saw(byte) === true) this.#machine!.stop({ kind: 'stopped' });
  }

  async run(machine: Machine): Promise<Ending> {
    const pace = new Pace(machine.events.now);
    let piece: number = PIECE.first;
    for (;;) {
      const ordered = this.#debugging && await this.#debugger();
      if (ordered !== undefined) return ordered;
      const before = machine.instructions;
      const startedAt = performance.now();
      const reason = machine.run({ maxInstructions: this.#left(), maxCycles: piece });
      this.#instructions += machine.instructions - before;
      piece = adapted(piece, performance.now() - startedAt);
      this.#flush();
      const said = this.#panic.take();
      if (said !== undefined) this.#tell(said, machine);
      if (this.#interrupted !== undefined) return { kind: 'interrupted', signal: this.#interrupted };
      if (this.#unread) return { kind: 'unread' };
      switch (reason.kind) {
        case 'poweroff':
        case 'reset': return reason;
        case 'onlyFaults': return reason;
        case 'stopped':
          if (this.#watch?.seen === true) return { kind: 'until' };
          break;
        case 'debug':
          this.#debugging?.server.stopped(this.#debugging.target.stopped());
          break;
        case 'deadlock':
          if (!this.#inputEnded || this.#outside.open > 0)
            await Promise.race([this.#input(), ...(this.#debugging === undefined ? [] : [this.#debugging.server.changed()])]);
          else if (this.#debugging?.server.connected === true)
            this.#debugging.server.stopped({ kind: 'signal', thread: this.#debugging.target.current, signal: SIGINT });
          else return { kind: 'deadlock' };
          break;
        case 'instructions': return { kind: 'limit' };
      }
      await this.#rest(this.#io.interactive || this.#outside.open > 0 ? pace.lead(machine.events.now) : 0);
    }
  }

  /** Once per run, because later lines belong to the same panic. */
  #tell(said: string, machine: Machine): void {
    this.panicked?.(said, machine);
    this.panicked = undefined;
  }

  /** Waits while a debugger stops the machine. Returns an ending when the debugger or the user asks for one. */
  async #debugger(): Promise<Ending | undefined> {
    const server = this.#debugging?.server;
    if (server === undefined) return undefined;
    while (server.paused && server.wanted === undefined && this.#interrupted === undefined)
      await Promise.race([server.changed(), this.#input()]);
    if (this.#interrupted !== undefined) return { kind: 'interrupted', signal: this.#interrupted };
    const { wanted } = server;
    server.wanted = undefined;
    return wanted === undefined ? undefined : wanted === 'kill' ? { kind: 'killed' } : { kind: 'reset', code: 0 };
  }

  close(): void {
    this.#flush();
    this.#stopListening();
  }

  #leave(signal: number): void {
    this.#interrupted = signal;
    this.#wake?.();
  }

  #left(): number {
    return this.#limits.maxInstructions === undefined ? Infinity : Math.max(0, this.#limits.maxInstructions - this.#instructions);
  }

  #arrived(bytes: Uint8Array | undefined): void {
    if (bytes === undefined) this.#inputEnded = true;
    else this.#letIn(this.#io.interactive ? this.#withoutEscapes(bytes) : bytes);
    this.#wake?.();
  }

  #letIn(data: Uint8Array, net?: number): void {
    const machine = this.#machine;
    if (machine === undefined || data.length === 0) return;
    machine.input(() => {
      const arrival = { boot: this.#boot, cycle: machine.events.now, data, net };
      this.#door.passed(arrival);
      this.#enter(arrival);
    });
  }

  #enter({ data, net }: Arrival): void {
    if (net === undefined) this.#console?.send(data);
    else this.#outside.deliver(net, data);
  }

  /** Ctrl-A X leaves, Ctrl-A Ctrl-A types one Ctrl-A. */
  #withoutEscapes(bytes: Uint8Array): Uint8Array {
    const kept: number[] = [];
    for (const byte of bytes) {
      if (this.#escape && (byte === 0x78 || byte === 0x58)) this.#interrupted = SIGINT;
      if (!this.#escape && byte === CTRL_A) this.#escape = true;
      else {
        if (!this.#escape || byte === CTRL_A) kept.push(byte);
        this.#escape = false;
      }
    }
    return Uint8Array.from(kept);
  }

  #flush(): void {
    if (this.#outLength === 0) return;
    const bytes = this.#out.slice(0, this.#outLength);
    this.#outLength = 0;
    if (!this.#io.write(bytes)) this.#unread = true;
  }

  /** Lets the host's own events run, and sleeps while the machine is ahead of the wall clock. */
  #rest(milliseconds: number): Promise<void> {
    if (milliseconds < 1) return new Promise((resolve) => setImmediate(resolve));
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake?.(), Math.min(milliseconds, LONGEST_SLEEP_MS));
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }

  #input(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }
}

/** Adapts the next piece to the target wall time, by at most a factor of two. */
function adapted(piece: number, milliseconds: number): number {
  const factor = Math.min(2, Math.max(0.5, PIECE.milliseconds / Math.max(milliseconds, 0.01)));
  return Math.min(PIECE.most, Math.max(PIECE.least, Math.round(piece * factor)));
}

/** Compares virtual time with the wall clock. A machine that has fallen behind does not catch up. */
class Pace {
  #cycle: number;
  #wall = performance.now();

  constructor(cycle: number) {
    this.#cycle = cycle;
  }

  /** Milliseconds by which virtual time is ahead. */
  lead(cycle: number): number {
    const wall = performance.now();
    const ahead = (cycle - this.#cycle) / 1e6 - (wall - this.#wall);
    if (ahead >= 0) return ahead;
    this.#cycle = cycle;
    this.#wall = wall;
    return 0;
  }
}
