/** The kernel's state per hart: run queues by priority, the running thread, the owners of the registers. */
import type { HartApi } from '../../machine/api.ts';
import { Deadlines } from '../../machine/deadlines.ts';
import type { SchedContext } from '../objects/sched-context.ts';
import type { Task } from '../objects/task.ts';
import type { Thread } from '../objects/thread.ts';
import { ALL_UNITS } from '../state/units.ts';
import { List } from './queue.ts';

export const PRIORITIES = 256;
/** Halves of x0 … x31 and f0 … f31. */
export const REGISTERS = 128;

const CSR = { satp: 0x180, hgatp: 0x680, misa: 0x301 } as const;
/** The letter H of misa. */
const HYPERVISOR = 1n << 7n;
const ASID = 0xffffn << 44n, VMID = 0x3fffn << 44n;

/** Does the register have any of these bits? A bit that the hart lacks reads as zero. @spec priv 12.1.11, 21.2.10 */
function keeps(hart: HartApi, csr: number, bits: bigint): boolean {
  const old = hart.csr(csr);
  hart.setCsr(csr, old | bits);
  const kept = (hart.csr(csr) & bits) !== 0n;
  hart.setCsr(csr, old);
  return kept;
}

/** Number of the thread that runs there, 0 = none. */
export const runningOn = ({ running }: Cpu): number => running ? running.id : 0;

export class Cpu {
  readonly hart: HartApi;
  readonly id: number;
  /** By time: threads whose waits have time-outs, and contexts whose budget returns. */
  readonly timeouts = new Deadlines<Thread | SchedContext>();
  /** The context whose time passes, and its running thread. */
  current: SchedContext | undefined = undefined;
  running: Thread | undefined = undefined;
  /** Choose again before resuming. */
  reschedule = true;
  /** Cycle up to which time has been accounted; cycle at which the hart's timer will fire. */
  since = 0;
  armed = Infinity;
  /** Cycle at which the hart came into the kernel. */
  entered = 0;
  /** The owner of the address space that the kernel considers active; the owner of satp and hgatp. */
  active: Task | undefined = undefined;
  satp: Task | undefined = undefined;
  hgatp: Task | undefined = undefined;
  /** The owner of the hart's registers; of the vs* registers. */
  owner: Thread | undefined = undefined;
  vsOwner: Thread | undefined = undefined;
  /** scounteren and senvcfg are those of `vsOwner`, not the user threads'. */
  sharedByGuest = false;
  /** The units enabled for user level (state/units.ts). */
  units = ALL_UNITS;
  readonly #queues = Array.from({ length: PRIORITIES }, () => new List<SchedContext>());
  /** Bit p of the array: the queue of priority p is not empty. */
  readonly #map = new Int32Array(PRIORITIES / 32);

  /** x and f of the hart in one piece, as 32-bit halves. */
  readonly registers: Int32Array;

  /** TLB entries carry the number of the address space, of the virtual machine. Where they do not, a switch flushes them. */
  readonly tagsSpaces: boolean;
  readonly tagsGuests: boolean;
  /** The processor has the hypervisor extension. */
  readonly hasGuests: boolean;

  /** A guest's world stays here until another one needs the hart. */
  readonly keepsWorlds: boolean;

  constructor(hart: HartApi, keepsWorlds = true) {
    this.hart = hart;
    this.keepsWorlds = keepsWorlds;
    this.hasGuests = (hart.csr(CSR.misa) & HYPERVISOR) !== 0n;
    this.tagsSpaces = keeps(hart, CSR.satp, ASID);
    this.tagsGuests = keeps(hart, CSR.hgatp, VMID);
    this.registers = new Int32Array(hart.x.buffer, hart.x.byteOffset, REGISTERS);
    this.id = hart.id;
  }

  /** The first context of the highest priority that has one. */
  top(): SchedContext | undefined {
    for (let word = this.#map.length - 1; word >= 0; word--) {
      const bits = this.#map[word];
      if (bits !== 0) return this.#queues[word * 32 + 31 - Math.clz32(bits)].first;
    }
    return undefined;
  }

  /** Everything in the queues, the highest priority first. */
  *contexts(): Generator<SchedContext> {
    for (let p = PRIORITIES - 1; p >= 0; p--) for (let c = this.#queues[p].first; c; c = c.next) yield c;
  }

  /** After the others of its priority, or before them. */
  add(context: SchedContext, first = false): void {
    const priority = context.priority, queue = this.#queues[priority];
    queue.insert(context, first ? queue.first : undefined);
    this.#map[priority >> 5] |= 1 << (priority & 31);
  }
  remove(context: SchedContext): void {
    const priority = context.priority, queue = this.#queues[priority];
    queue.remove(context);
    if (!queue.first) this.#map[priority >> 5] &= ~(1 << (priority & 31));
  }
}
