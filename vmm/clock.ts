/** Virtual time for devices, with one alarm, which rings in a separate thread. */
import { NEVER, Ops, type Sys } from '../microkernel/abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import type { Alarm } from '../hardware/chips/ports.ts';
import type { Work } from './work.ts';

export class Clock implements Alarm {
  readonly #work: Work;
  readonly #semaphore: number;
  readonly #now: () => number;
  #time = Infinity;
  #action: () => void = () => {};

  /** `semaphore` wakes the thread when the alarm is set again. */
  constructor(now: () => number, work: Work, semaphore: number) {
    this.#now = now;
    this.#work = work;
    this.#semaphore = semaphore;
  }

  now(): number { return this.#now(); }
  at(time: number, action: () => void): void {
    this.#time = time;
    this.#action = action;
    this.#work.signal(this.#semaphore);
  }

  /** Body of the thread. */
  *run(sys: Syscalls): Sys<void> {
    for (;;) {
      const left = this.#time - sys.now();
      if (left > 0) yield* sys.down(this.#semaphore, Ops.semaphore.down, this.#time === Infinity ? NEVER : left, 1);
      if (this.#time > sys.now()) continue;
      this.#time = Infinity;
      this.#action();
      yield* this.#work.deliver(sys);
    }
  }
}
