/**
 * Booting: the layout of RAM, and the first task's resources: everything that the kernel does not need.
 *
 *   RAM_BASE ┬ free memory: the first task's, RWX
 *            ├ boot modules, and what the loader says of all (BootInfo), read-only
 *            └ kernel memory: page tables, UTCBs
 */
import type { Bus, HartApi, PhysicalMemory } from '../machine/api.ts';
import { BOOTINFO_VA, CapRight, Initial, Right, type RecordWatch, type ThreadEntry, type TraceSink } from './abi/index.ts';
import { Factory } from './objects/factory.ts';
import { Frames } from './frames.ts';
import type { Core } from './core.ts';
import { LEVEL_SIZE } from './mem/node.ts';
import { SHAPES, type Space } from './mem/space.ts';
import type { KernelObject } from './objects/object.ts';
import { newTask, type Task } from './objects/task.ts';
import { SchedContext } from './objects/sched-context.ts';
import { Semaphore } from './objects/semaphore.ts';
import { newThread, threadBytes } from './objects/thread.ts';
import { makeReady } from './sched/place.ts';
import { LINES, type Interrupts } from './entry/interrupts.ts';

/** A kernel ready to boot. */
interface Unbooted extends Core {
  frames: Frames;
  root: { factory: Factory; task: Task };
  readonly interrupts: Interrupts;
}

interface Range { readonly base: number; readonly size: number }

/** What the kernel needs of a machine. */
export interface KernelMachine {
  readonly harts: readonly HartApi[];
  readonly memory: PhysicalMemory;
  readonly bus: Bus;
}
export interface KernelOptions {
  readonly machine: KernelMachine;
  /** Body of the first thread. */
  readonly root: ThreadEntry;
  /** What the loader has put into RAM for the first task: files, and behind them, right below kernel memory, what is where (BootInfo). */
  readonly modules?: readonly Range[];
  readonly info?: Range | undefined;
  readonly devices?: readonly Range[];
  readonly trace?: TraceSink;
  /** Creates the observer of each record. */
  readonly watch?: (k: Core) => RecordWatch;
  /** Bytes of kernel memory; default a sixteenth of RAM, 2 to 64 MiB. */
  readonly kernelMemory?: number;
  /** False: disables the fast path of system calls, to compare. */
  readonly fastpath?: boolean;
  /** A guest's world stays in its hart until another needs it ('kept', the default), or is saved at each exit, to compare. */
  readonly guestState?: 'kept' | 'copied';
  /** The kernel's own lines: threads that died or stopped. */
  readonly log?: (line: string) => void;
}

export const ROOT_PRIORITY = 250;
const PAGE = 4096, MIB = 2 ** 20;
const roundUp = (n: number): number => Math.ceil(n / PAGE) * PAGE;

export function boot(k: Unbooted, options: KernelOptions): void {
  const { memory } = options.machine, end = memory.base + memory.size;
  const kernelBytes = roundUp(options.kernelMemory ?? Math.min(64 * MIB, Math.max(2 * MIB, memory.size / 16)));
  const free = (options.modules?.[0] ?? options.info)?.base ?? end - kernelBytes;
  if (free <= memory.base)
    throw new RangeError(`${memory.size} bytes of RAM do not hold ${kernelBytes} bytes of kernel memory and the boot modules`);
  k.frames = new Frames(memory, end - kernelBytes, kernelBytes);
  firstTask(k, kernelBytes, free, options);
  for (const cpu of k.cpus) {
    enableInterrupts(cpu.hart);
    cpu.hart.setTimer(0);
  }
}

function firstTask(k: Unbooted, kernelBytes: number, free: number, options: KernelOptions): void {
  const { root: body, info, modules = [], devices = [] } = options, harts = k.cpus.length;
  const factory = new Factory(k.newId(), undefined, kernelBytes, 255, harts < 32 ? 2 ** harts - 1 : -1);
  const task = newTask(k, factory, SHAPES[0])!;
  k.created(task);
  k.root = { factory, task };
  const { space } = task;
  mapRange(space, k.memory.base, free, Right.RWX);
  for (const { base, size } of modules) mapRange(space, base, base + roundUp(size), Right.RX);
  for (const device of devices) mapRange(space, device.base - (device.base % PAGE), roundUp(device.base + device.size), Right.RW);
  if (info) mapRange(space, info.base, info.base + info.size, Right.R, BOOTINFO_VA - info.base);
  const thread = newThread(k, factory, threadBytes(false, true), task, k.cpus[0],
    { guest: false, alien: false, body: { run: body, name: body.name } }, true, undefined)!;
  k.created(thread);
  const context = new SchedContext(k.newId(), factory, ROOT_PRIORITY, 0, 0);
  k.created(context);
  const put = (selector: number, object: KernelObject): void => { task.caps.put(selector, object, CapRight.all, undefined); };
  put(Initial.task, task);
  put(Initial.thread, thread);
  put(Initial.factory, factory);
  put(Initial.schedContext, context);
  for (let line = 1; line < LINES; line++) {
    const semaphore = new Semaphore(k.newId(), factory, 0, line);
    k.trace.name('semaphore', semaphore.id, 0, `interrupt ${line}`);
    k.created(semaphore);
    k.interrupts.semaphores[line] = semaphore;
    put(Initial.irqBase + line, semaphore);
  }
  thread.context = context;
  context.thread = thread;
  makeReady(k, thread);
}

/** A range at its own address, or `away` from it, in the largest leaves; earlier ranges (devices that share a page) stay. */
function mapRange(space: Space, from: number, to: number, rights: number, away = 0): void {
  for (let at = from; at < to; ) {
    let level = away === 0 ? 2 : 0;
    while (level > 0 && (at % LEVEL_SIZE[level] !== 0 || at + LEVEL_SIZE[level] > to)) level--;
    if (!space.find(at + away) && !space.install(at + away, level, at, rights, undefined))
      throw new RangeError('kernel memory does not hold the first task\'s page tables');
    at += LEVEL_SIZE[level];
  }
}

/** Software, timer and external interrupts of HS mode; floating point, counters, cbo.zero for user level; guests have their own senvcfg. */
function enableInterrupts(hart: HartApi): void {
  hart.setCsr(0x104, 0x222n);
  hart.setCsr(0x100, hart.csr(0x100) | 0x6000n);
  hart.setCsr(0x106, 7n);
  hart.setCsr(0x10a, 0x80n);
  hart.setCsr(0x60c, 0xc000_0000_0000_0000n);
}
