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

  at(hart: Hart): Being[] {
    const thread = this.#place.kernel.cpus[hart.id]!.running;
    if (thread === undefined || hart.virt || hart.priv !== 0 || (this.#place.mayBe && !this.#place.mayBe(thread.task))) return [];
    this.#task ??= thread.task;
    return thread.task === this.#task ? [this.#being(thread)] : [];
  }

  beings(): Being[] {
    return [...this.#task?.threads ?? []].filter((t) => t.state !== ThreadState.dead).map((t) => this.#being(t));
  }

  #being(thread: Thread): Being {
    const n = [...this.#task?.threads ?? []].indexOf(thread);
    return new ThreadBeing(this.#machine, this.#place.base + 1, thread, `thread ${n + 1}`);
  }
}
