/** The Env of a component in the same JavaScript heap: selectors and addresses of its task, and its named capabilities. */
import { FIRST_FREE_SELECTOR } from '../../microkernel/abi/index.ts';
import type { Env, Processor } from '../client/env.ts';
import { naturalAlign } from '../client/memory.ts';
import { DEFAULT_PRIORITY } from '../client/threads.ts';

/** Where fresh addresses start: above all RAM and devices, which the first task has mapped at their physical addresses. */
const RESERVE_BASE = 0x10_0000_0000, RESERVE_END = 2 ** 38;

export class LocalEnv implements Env {
  readonly name: string;
  readonly processor: Processor;
  readonly args: Readonly<Record<string, unknown>>;
  readonly priority: number;
  readonly caps = new Map<string, number>();
  private next = FIRST_FREE_SELECTOR;
  private readonly freed: number[] = [];
  private top = RESERVE_BASE;

  constructor(name: string, args: Readonly<Record<string, unknown>> = {}, priority = DEFAULT_PRIORITY, processor: Processor = { isa: '' }) {
    this.name = name;
    this.processor = processor;
    this.args = args;
    this.priority = priority;
  }

  cap(name: string): number {
    const selector = this.caps.get(name);
    if (selector === undefined)
      throw new Error(`${this.name}: no capability '${name}' (has ${[...this.caps.keys()].join(', ') || 'none'})`);
    return selector;
  }
  hasCap(name: string): boolean { return this.caps.has(name); }
  selector(): number { return this.freed.pop() ?? this.next++; }
  freeSelector(selector: number): void { if (selector >= FIRST_FREE_SELECTOR) this.freed.push(selector); }
  reserve(size: number, align = naturalAlign(size)): number {
    const base = Math.ceil(this.top / align) * align;
    if (base + size > RESERVE_END) throw new RangeError(`${this.name}: address space is used up`);
    this.top = base + Math.ceil(size / 4096) * 4096;
    return base;
  }
}
