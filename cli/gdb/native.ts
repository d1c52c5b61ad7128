/** A native component of a scenario: one task of the microkernel, its threads are GDB's. */
import type { Hart } from '../../machine/hart/hart.ts';
import type { Machine } from '../../machine/index.ts';
import { ThreadState } from '../../microkernel/objects/object.ts';
import type { Task } from '../../microkernel/objects/task.ts';
import type { Thread } from '../../microkernel/objects/thread.ts';
import { ThreadBeing, type Being } from './being.ts';
import type { Debuggee, DebugScope } from './debuggee.ts';

export class NativeDebuggee implements Debuggee {
  readonly #machine: Machine;
  readonly #place: DebugScope;
  /** The first that comes to run. */
  #task: Task | undefined;

  constructor(machine: Machine, place: DebugScope) { this.#machine = machine; this.#place = place; }

  at(h: Hart): Being[] {
    const t = this.#place.kernel.cpus[h.id]!.running;
    if (t === undefined || h.virt || h.priv !== 0 || (this.#place.mayBe && !this.#place.mayBe(t.task))) return [];
    this.#task ??= t.task;
    return t.task === this.#task ? [this.#being(t)] : [];
  }

  beings(): Being[] {
    return [...this.#task?.threads ?? []].filter((t) => t.state !== ThreadState.dead).map((t) => this.#being(t));
  }

  #being(t: Thread): Being {
    const n = [...this.#task?.threads ?? []].indexOf(t);
    return new ThreadBeing(this.#machine, this.#place.base + 1, t, `thread ${n + 1}`);
  }
}
