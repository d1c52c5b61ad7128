/**
 * The Unix kernel without a layer below, for specs: memory is an array, the test advances time, and a "process" is a script that makes
 * system calls by name. Sleeping calls continue when the script lets others run (`settle`).
 */
import { Window } from '../../microkernel/abi/index.ts';
import type { Arch } from '../arch/arch.ts';
import { openSpecial } from '../drivers/devices.ts';
import { BufferPort, InputPort } from '../drivers/ports.ts';
import { Tty } from '../drivers/tty.ts';
import { mountDefaults } from '../kernel/boot.ts';
import { continueCall, pickThread } from '../kernel/calls.ts';
import { clone, plainFork, type CloneArgs } from '../kernel/clone.ts';
import { Kernel } from '../kernel/kernel.ts';
import { Map_, Prot } from '../abi/linux.ts';
import { newProcess, openStreams } from '../kernel/init.ts';
import { Run, Thread } from '../kernel/thread.ts';
import { mapArea } from '../mm/mmap.ts';
import { bytesOf, copyIn, copyOut, textOf } from '../mm/uaccess.ts';
import { byNumber, dispatch, rows } from '../syscalls/table.ts';

const numbers = new Map<string, number>(rows.map((r) => [r.name, r.nr]));

export class Unix {
  readonly k: Kernel;
  readonly log: string[] = [];
  readonly out = new BufferPort();
  readonly input = new InputPort();
  readonly main: Thread;
  readonly tty: Tty | undefined;
  /** Results of calls that slept, by thread. */
  readonly results = new Map<Thread, number>();
  /** When the kernel wants to be called. */
  alarm = Infinity;
  private time = 1e9;
  private next = 0;
  static readonly MEMORY = 0x10_0000;

  constructor(options: { pages?: number; tty?: boolean; epoch?: number } = {}) {
    const pages = options.pages ?? 1024, bytes = new Window(new Uint8Array(pages * 4096)), nothing = (): void => undefined;
    const arch: Arch = {
      pool: { pfn: 0x1000, pages, bytes }, maxThreads: 32_000, now: () => this.time, passage: 0, charge: nothing, changedCode: nothing,
      log: (line) => { this.log.push(line); },
      threadGone: nothing, spaceGone: nothing, adoptSpace: nothing, recall: nothing, setAlarm: (at) => { this.alarm = at; },
    };
    this.k = new Kernel(arch, { epoch: options.epoch ?? 1_700_000_000, seed: 1, openSpecial });
    mountDefaults(this.k);
    this.k.init = newProcess(this.k, 'init');
    const process = newProcess(this.k, 'main');
    process.parent = this.k.init;
    this.k.init.children.add(process);
    this.main = this.addThread(new Thread(this.k, process.pid, process, 'main'));
    this.k.cpu.current = this.main;
    if (options.tty) { this.tty = new Tty(this.k, 0x401, this.out); this.input.consumer = (b) => this.tty!.input(b); }
    openStreams(this.k, this.main, this.tty ? { terminal: this.tty } : { input: this.input, out: this.out, err: this.out });
    mapArea(process.mm, { at: Unix.MEMORY, length: 1 << 20, prot: Prot.READ | Prot.WRITE,
      flags: Map_.PRIVATE | Map_.ANONYMOUS | Map_.FIXED });
  }
  private addThread(thread: Thread): Thread {
    thread.proc.threads.add(thread);
    this.k.pids.threads.set(thread.tid, thread);
    return thread;
  }

  // ── calls ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A call of the main thread. Strings and byte arrays are stored in its memory; a call that sleeps returns undefined. */
  call(name: string, ...args: (number | string | Uint8Array)[]): number | undefined { return this.callOf(this.main, name, ...args); }
  callOf(thread: Thread, name: string, ...args: (number | string | Uint8Array)[]): number | undefined {
    const nr = numbers.get(name);
    if (nr === undefined) throw new Error(`no call '${name}'`);
    const values = args.map((x) => (typeof x === 'number' ? x : this.put(typeof x === 'string' ? bytesOf(`${x}\0`) : x, thread)));
    this.k.cpu.current = thread;
    thread.state = Run.current;
    thread.call = nr;
    const result = dispatch(thread, nr, values[0] ?? 0, values[1] ?? 0, values[2] ?? 0, values[3] ?? 0, values[4] ?? 0, values[5] ?? 0);
    if (typeof result === 'number') return result;
    continueCall(this.k, thread, result);
    return thread.co ? undefined : thread.regs.x(10);
  }
  /** Lets all ready threads continue; returns those that have finished a call. */
  settle(): Thread[] {
    const done: Thread[] = [];
    for (let thread = pickThread(this.k); thread; thread = pickThread(this.k)) {
      done.push(thread);
      this.results.set(thread, thread.regs.x(10));
      thread.state = Run.current;
    }
    this.k.cpu.current = this.main;
    return done;
  }
  /** Advances the time and rings the alarm; no thread runs yet. */
  passQuietly(until: number): void { this.time = until; this.k.cpu.tick(); }
  /** Advances the time; timers fire, and threads run. */
  pass(ns: number): Thread[] { this.time += ns; this.k.cpu.tick(); return this.settle(); }
  fork(thread: Thread = this.main, more: Partial<CloneArgs> = {}): Thread {
    this.k.cpu.current = thread;
    const pid = clone(thread, { ...plainFork, ...more }) as number, child = this.k.pids.threadOf(thread.proc.numbers, pid);
    if (!child) throw new Error(`clone answered ${pid}`);
    this.k.cpu.ready.remove(child);
    child.state = Run.current;
    return child;
  }

  // ── memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Fresh memory of a thread's process. */
  space(n: number): number {
    const at = Unix.MEMORY + this.next;
    this.next = (this.next + Math.ceil(n / 16) * 16 + 16) % (1 << 19);
    return at;
  }
  put(bytes: Uint8Array, t: Thread = this.main): number { const at = this.space(bytes.length); copyOut(t.mm, at, bytes); return at; }
  bytes(va: number, n: number, t: Thread = this.main): Uint8Array { return copyIn(t.mm, va, n); }
  text(va: number, n: number, t: Thread = this.main): string { return textOf(this.bytes(va, n, t)); }
  u32(va: number, t: Thread = this.main): number { return new DataView(this.bytes(va, 4, t).buffer).getUint32(0, true); }

  /** read(2) as text; a number is -errno. */
  read(fd: number, n = 4096): string | number | undefined {
    const at = this.space(n), result = this.call('read', fd, at, n);
    return result === undefined || result < 0 ? result : this.text(at, result);
  }
  write(fd: number, text: string): number | undefined { return this.call('write', fd, bytesOf(text), bytesOf(text).length); }
  open(path: string, flags = 0, mode = 0o644): number { return this.call('openat', -100, path, flags, mode)!; }
  pipe(flags = 0): [number, number] { const at = this.space(8); this.call('pipe2', at, flags); return [this.u32(at), this.u32(at + 4)]; }
  list(path: string): string[] {
    const fd = this.open(path, 0o200000), at = this.space(4096), names: string[] = [];
    for (let n = this.call('getdents64', fd, at, 4096)!; n > 0; n = this.call('getdents64', fd, at, 4096)!) {
      const bytes = this.bytes(at, n), view = new DataView(bytes.buffer);
      for (let at = 0; at < n; at += view.getUint16(at + 16, true)) names.push(textOf(bytes.subarray(at + 19, bytes.indexOf(0, at + 19))));
    }
    this.call('close', fd);
    return names;
  }
}
export const knownCalls = (): number => byNumber.filter((r) => r !== undefined).length;
