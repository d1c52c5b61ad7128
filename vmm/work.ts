/**
 * Deferred work of devices and calls that needs system calls: semaphores to raise, vCPUs to recall, other tasks.
 * A thread that let a device run (a vCPU's, the console's reader, the clock) calls `deliver` afterwards.
 */
import { Ops, type Sys } from '../microkernel/abi/index.ts';
import type { Syscalls } from '../binding/index.ts';

/** A vCPU whose interrupts have changed. */
export interface Attentive { attend(sys: Syscalls): Sys<void> }

export class Work {
  /** Back ends with waiting work: terminals, networks. */
  readonly busy = new Set<{ readonly full: boolean }>();
  #semaphores: number[] = [];
  #changed: Attentive[] = [];
  #errands: ((sys: Syscalls) => Sys<void>)[] = [];

  get pending(): boolean { return this.#semaphores.length + this.#changed.length + this.#errands.length > 0; }
  signal(semaphore: number): void { if (!this.#semaphores.includes(semaphore)) this.#semaphores.push(semaphore); }
  changed(who: Attentive): void { if (!this.#changed.includes(who)) this.#changed.push(who); }

  /** Work that must finish before the thread that caused it continues. */
  errand(run: (sys: Syscalls) => Sys<void>): void { this.#errands.push(run); }

  /** `self` is the caller, which checks its own interrupts before it continues. */
  *deliver(sys: Syscalls, self?: Attentive): Sys<void> {
    for (;;) {
      // Done first and without a system call before it, so that no other thread takes this work while the caller continues.
      for (let errand = this.#errands.shift(); errand; errand = this.#errands.shift()) yield* errand(sys);
      const semaphore = this.#semaphores.pop(), who = this.#changed.pop();
      if (semaphore !== undefined) yield* sys.invoke(semaphore, Ops.semaphore.up);
      if (who && who !== self) yield* who.attend(sys);
      if (semaphore === undefined && !who) return;
    }
  }
}
