/**
 * What a deprivileged processor's thread is doing, and how others reach it: a stopped processor waits for its start, one in `wfi` for an
 * interrupt; a running guest is recalled; after the end of the VM the thread only waits for its own end.
 */
import { NEVER, Ops, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import type { Vm } from '../vm.ts';
import type { Attentive } from '../work.ts';

/** Where a processor begins, and what it finds in a1. */
export interface Start { readonly pc: bigint; readonly opaque: bigint }

export class Presence {
  phase: 'stopped' | 'handling' | 'waiting' | 'running' = 'stopped';
  readonly #vm: Vm;
  readonly #guest: number;
  readonly #wake: number;
  #start: Start | undefined;

  /** `guest`, `wake`: selectors of the guest's thread, and of the semaphore that this thread waits at. */
  constructor(vm: Vm, guest: number, wake: number) {
    this.#vm = vm;
    this.#guest = guest;
    this.#wake = wake;
  }

  /** It is to begin there, or to begin anew. */
  useStart(start: Start): void { this.#start = start; }
  begin(start: Start): void {
    this.#start = start;
    this.#vm.work.signal(this.#wake);
  }
  *attend(sys: Syscalls): Sys<void> {
    if (this.phase === 'running') yield* sys.invoke(this.#guest, Ops.thread.recall);
    else if (this.phase === 'waiting') yield* sys.invoke(this.#wake, Ops.semaphore.up);
  }

  /** Waits until it is started. */
  *started(sys: Syscalls): Sys<Start> {
    while (!this.#start) {
      this.phase = 'stopped';
      yield* sys.down(this.#wake, Ops.semaphore.down, NEVER, 1);
    }
    const start = this.#start;
    this.#start = undefined;
    this.phase = 'handling';
    return start;
  }

  /** `wfi` of `self`: until an interrupt would end it, or the VM has ended. */
  *waitForInterrupt(sys: Syscalls, self: Attentive, supervisor: { readonly wakes: boolean }): Sys<void> {
    const { work } = this.#vm;
    if (work.pending) yield* work.deliver(sys, self);
    while (!supervisor.wakes && !this.#vm.ended) {
      this.phase = 'waiting';
      yield* sys.down(this.#wake, Ops.semaphore.down, NEVER, 1);
    }
    this.phase = 'handling';
  }

  /** The VM has ended: this thread only waits for its own end. */
  *rest(sys: Syscalls, self: Attentive): Sys<never> {
    yield* this.#vm.work.deliver(sys, self);
    for (;;) yield* sys.down(this.#wake, Ops.semaphore.down);
  }
}
