/**
 * Kernel objects: what capabilities name. Every object is paid for by a factory and ends with its last capability, with its
 * factory, or (a thread) is killed before that. A dead object is never reused: remaining references find `dead` set.
 */
import type { Core } from '../core.ts';
import { List } from '../sched/queue.ts';
import type { Cap } from './cap.ts';
import type { Factory } from './factory.ts';

/** The numbers are those of the operations' labels (label >> 8). */
export const ObjectKind = { factory: 1, task: 2, thread: 3, semaphore: 4, schedContext: 5, portal: 6, reply: 7 } as const;
export type ObjectKind = (typeof ObjectKind)[keyof typeof ObjectKind];

export const ThreadState = { inactive: 0, ready: 1, receiving: 2, sending: 3, calling: 4, semaphore: 5, stopped: 6, dead: 7 } as const;
/** State of a context: without a thread, in a run queue, running, behind a blocked thread, or out of budget. */
export const ContextState = { nowhere: 0, queue: 1, current: 2, blocked: 3, depleted: 4 } as const;

/** Order in which objects end: the youngest first. */
export const youngest = <T>(all: ReadonlySet<T>): T[] => [...all].reverse();

export abstract class KernelObject {
  abstract readonly kind: ObjectKind;
  readonly id: number;
  /** The factory that paid, and the bytes. The first factory has none. */
  readonly factory: Factory | undefined;
  readonly bytes: number;
  dead = false;
  /** The capabilities that were not derived from others: roots of the derivation trees. */
  readonly derived = new List<Cap>();

  constructor(id: number, factory: Factory | undefined, bytes: number) {
    this.id = id;
    this.factory = factory;
    this.bytes = bytes;
  }

  /** Releases everything; its capabilities are already deleted. Called once. */
  abstract teardown(k: Core): void;
}
