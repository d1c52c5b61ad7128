/** What the kernel keeps per hart: run queues by priority, who runs, whose state is in the registers. */
import type { HartApi } from '../../machine/api.ts';
import type { SchedContext } from '../objects/sched-context.ts';
import type { Task } from '../objects/task.ts';
import type { Thread } from '../objects/thread.ts';
import { Timeouts } from './timeouts.ts';

export const PRIORITIES = 256;
/** Halves of x0 … x31 and f0 … f31. */
export const REGISTERS = 128;

export class Cpu {
  readonly hart: HartApi;
  readonly id: number;
  readonly timeouts = new Timeouts();
  /** The context whose time passes, and the thread that it runs. */
  current: SchedContext | undefined = undefined;
  running: Thread | undefined = undefined;
  /** Choose again before going on. */
  reschedule = true;
  /** Cycle up to which time has been accounted; cycle at which the hart's timer will fire. */
  since = 0;
  armed = Infinity;
  /** Cycle at which the hart came into the kernel. */
  entered = 0;
  /** Whose address space the kernel considers active; whose is in satp and hgatp. */
  active: Task | undefined = undefined;
  satp: Task | undefined = undefined;
  hgatp: Task | undefined = undefined;
  /** Whose registers are in the hart; whose vs* registers are. */
  owner: Thread | undefined = undefined;
  vsOwner: Thread | undefined = undefined;
  /** scounteren and senvcfg are those of `vsOwner`, not the user threads'. */
  sharedByGuest = false;
  readonly #heads = new Array<SchedContext | undefined>(PRIORITIES).fill(undefined);
  readonly #tails = new Array<SchedContext | undefined>(PRIORITIES).fill(undefined);
  /** Bit p of the array: the queue of priority p is not empty. */
  readonly #map = new Int32Array(PRIORITIES / 32);

  /** x and f of the hart in one piece, as 32-bit halves. */
  readonly registers: Int32Array;

  constructor(hart: HartApi) {
    this.hart = hart;
    this.registers = new Int32Array(hart.x.buffer, hart.x.byteOffset, REGISTERS);
    this.id = hart.id;
  }

  /** The first context of the highest priority that has one. */
  top(): SchedContext | undefined {
    for (let w = this.#map.length - 1; w >= 0; w--) {
      const bits = this.#map[w];
      if (bits !== 0) return this.#heads[w * 32 + 31 - Math.clz32(bits)];
    }
    return undefined;
  }

  /** Everything in the queues, the highest priority first. */
  *contexts(): Generator<SchedContext> { for (let p = PRIORITIES - 1; p >= 0; p--) for (let c = this.#heads[p]; c; c = c.next) yield c; }

  pushTail(c: SchedContext): void {
    const p = c.priority, tail = this.#tails[p];
    c.prev = tail;
    c.next = undefined;
    if (tail) tail.next = c;
    else this.#heads[p] = c;
    this.#tails[p] = c;
    this.#map[p >> 5] |= 1 << (p & 31);
  }
  pushHead(c: SchedContext): void {
    const p = c.priority, head = this.#heads[p];
    c.next = head;
    c.prev = undefined;
    if (head) head.prev = c;
    else this.#tails[p] = c;
    this.#heads[p] = c;
    this.#map[p >> 5] |= 1 << (p & 31);
  }
  remove(c: SchedContext): void {
    const p = c.priority;
    if (c.prev) c.prev.next = c.next;
    else this.#heads[p] = c.next;
    if (c.next) c.next.prev = c.prev;
    else this.#tails[p] = c.prev;
    c.next = c.prev = undefined;
    if (!this.#heads[p]) this.#map[p >> 5] &= ~(1 << (p & 31));
  }
}
