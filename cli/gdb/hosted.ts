/**
 * `--gdb` of `vm`, `run` and `boot`: the system runs until what is debugged is about to execute its first instruction; from there on GDB
 * decides. `gate` is what the system asks before each piece.
 */
import type { System } from '../../index.ts';
import type { Task } from '../../microkernel/objects/task.ts';
import { APART, type Debuggee, type Happening, type DebugScope } from './debuggee.ts';
import { GuestDebuggee } from './guest.ts';
import { KernelTarget } from './kernel-target.ts';
import { NativeDebuggee } from './native.ts';
import { ProcessDebuggee, type ProcessWatch } from './processes.ts';
import { GdbServer } from './server.ts';
import { gdbSignal } from './signals.ts';

/**
 * One component to debug: the guest of a monitor, the processes of a Unix server (whose argument `watcher` is `watch`), or a native one.
 * `component`: which; without it the only one.
 */
export type Debugged = { readonly component?: string; readonly kind: 'guest' | 'native' } | DebuggedProcesses;
interface DebuggedProcesses { readonly component?: string; readonly kind: 'process'; readonly watch: ProcessWatch }

/** What `--gdb` asks for. */
export interface GdbLaunch {
  readonly port: number;
  readonly debugged: readonly Debugged[];
  /** The record of the trace at which the process stops first; without it, before its first instruction. */
  readonly at?: number | undefined;
}

/** Tasks of a component: its own, and what it has made of its factory. */
function belongsTo(system: System, component: string): (task: Task) => boolean {
  return (task) => {
    const own = system.tally.taskNamed(component);
    return own !== undefined && (task.id === own || [...system.kernel.tasks].some((t) => t.id === own && t.factory === task.factory));
  };
}

type Happened = (what: Happening) => void;

function makeDebuggee(system: System, debugged: Debugged, index: number, happened: Happened, physical: () => boolean): Debuggee {
  const { component } = debugged, mayBe = component === undefined ? undefined : belongsTo(system, component);
  const place: DebugScope = { kernel: system.kernel, base: index * APART, mayBe };
  if (debugged.kind === 'process') return new ProcessDebuggee(system.machine, place, debugged.watch, happened);
  return debugged.kind === 'guest' ? new GuestDebuggee(system.machine, place, physical) : new NativeDebuggee(system.machine, place);
}

export class HostedDebugging {
  readonly #target: KernelTarget;
  readonly #server: GdbServer;
  readonly #kill: () => void;
  readonly #log: (line: string) => void;
  readonly #system: System;
  /** The record that the run waits for. */
  #at: number | undefined;
  #listening = false;
  /** The stop that the client has heard of. */
  #told: unknown;

  /** `kill`: ends the run, as the client wants. */
  constructor(system: System, { debugged, port, at }: GdbLaunch, log: (line: string) => void, kill: () => void) {
    this.#kill = kill;
    this.#target = new KernelTarget(system.machine, (happened, physical) =>
      debugged.map((d, i) => makeDebuggee(system, d, i, happened, physical)), debugged.some((d) => d.kind === 'guest'));
    this.#system = system;
    this.#at = at;
    this.#log = log;
    if (at !== undefined) this.#target.wait();
    this.#server = new GdbServer(this.#target, { port, log });
  }

  async gate(): Promise<void> {
    const { stop } = this.#target.debug;
    if (stop === undefined && !this.#listening) return;
    if (!this.#listening) {
      this.#listening = true;
      this.#told = stop;
      await this.#server.listen();
    }
    if (stop !== undefined && stop !== this.#told) {
      this.#told = stop;
      this.#server.stopped(this.#target.stopped());
    }
    while (this.#server.paused) await this.#server.changed();
    if (this.#server.wanted === 'kill') this.#kill();
  }

  /** The requested record is written. `actor` and `object`: the numbers of the threads (or other objects) that it names. */
  reached(actor: number, object: number): void {
    this.#target.reached(actor, object);
    const cycle = new DataView(this.#system.kernel.trace.tail(1).buffer).getFloat64(0, true);
    this.#log(`record ${this.#at} at cycle ${cycle}`);
    this.#at = undefined;
  }

  /** Something else ends the run: it no longer waits for the client. */
  release(): void { this.#server.release(); }

  /** The run is over with this status. */
  close(status: number | undefined): void {
    if (this.#at !== undefined) this.#log(`gdb: the run has no record ${this.#at}; its last one is ${this.#system.kernel.trace.count}`);
    this.#at = undefined;
    const signalled = status !== undefined && status > 128;
    this.#server.close(status === undefined ? undefined : { kind: 'over', status: signalled ? gdbSignal(status - 128) : status,
      signalled });
  }
}
