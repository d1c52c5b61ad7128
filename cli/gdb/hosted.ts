/**
 * `--gdb` of `vm` and `run`: the system runs until the virtual machine (the process) is about to execute its first instruction; from
 * there on GDB decides. `gate` is what the system asks before each piece.
 */
import type { System } from '../../index.ts';
import type { Task } from '../../microkernel/objects/task.ts';
import { KernelTarget, type Debugged } from './kernel-target.ts';
import { GdbServer } from './server.ts';
import { gdbSignal } from './signals.ts';

/**
 * What `--gdb` asks for. `component`: whose process or guest, without it the only one's. `started` is given what is to hear of the
 * process's signals.
 */
export interface GdbLaunch { port: number; debugged: Debugged; component?: string; started?(debugging: HostedDebugging): void }

/** Tasks of a component: its own, and what it has made of its factory. */
function belongsTo(system: System, component: string): (task: Task) => boolean {
  return (task) => {
    const own = system.tally.taskNamed(component);
    return own !== undefined && (task.id === own || [...system.kernel.tasks].some((t) => t.id === own && t.factory === task.factory));
  };
}

export class HostedDebugging {
  readonly #target: KernelTarget;
  readonly #server: GdbServer;
  readonly #kill: () => void;
  #listening = false;
  /** The stop that the client has heard of. */
  #told: unknown;

  /** `kill`: ends the run, as the client wants. */
  constructor(system: System, { debugged, port, component }: GdbLaunch, log: (line: string) => void, kill: () => void) {
    this.#kill = kill;
    this.#target = new KernelTarget(system.machine, system.kernel, debugged, component === undefined ? undefined
      : belongsTo(system, component));
    this.#server = new GdbServer(this.#target, { port, log });
  }

  /** The process is about to get a signal. The answer says, when it goes on, whether it gets it. */
  signalled(signal: number, pc: number): () => boolean { return this.#target.signalled(signal, pc); }

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

  /** Somebody else ends the run: nobody waits for the client any more. */
  release(): void { this.#server.release(); }

  /** The run is over with this status. */
  close(status: number | undefined): void {
    const signalled = status !== undefined && status > 128;
    this.#server.close(status === undefined ? undefined : { kind: 'over', status: signalled ? gdbSignal(status - 128) : status,
      signalled });
  }

}
