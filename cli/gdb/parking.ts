/**
 * Holds threads of the Unix server for a debugger: a held thread leaves the processor on its way to user mode, and returns when the
 * debugger lets it go. The server checks at its own moments; while all threads are held, a timer in virtual time makes it check.
 */
import type { Kernel } from '../../l4guest/kernel/kernel.ts';
import type { Steps, Switch } from '../../l4guest/arch/arch.ts';
import { Loaded, Run, type Thread } from '../../l4guest/kernel/thread.ts';

/** How often the server asks whether threads are still held, ns. */
const LOOK_AGAIN = 1_000_000;

export class Parking {
  readonly #isHeld: (t: Thread) => boolean;
  #parked: Thread[] = [];
  #looks = false;

  constructor(isHeld: (t: Thread) => boolean) { this.#isHeld = isHeld; }

  /** True: the thread is held, and off the processor. */
  park(thread: Thread): boolean {
    if (!this.#isHeld(thread)) return false;
    const { cpu } = thread.k;
    this.#parked.push(thread);
    cpu.account(thread);
    thread.state = Run.stopped;
    cpu.current = undefined;
    this.#lookAgain(thread.k);
    return true;
  }

  /** Threads that were let go are ready. */
  unpark(k: Kernel): void {
    if (this.#parked.length === 0) return;
    const stays = (t: Thread): boolean => t.state === Run.stopped && this.#isHeld(t);
    for (const thread of this.#parked)
      if (thread.state === Run.stopped && !stays(thread)) { thread.state = Run.ready; k.cpu.ready.pushWoken(thread); }
    this.#parked = this.#parked.filter(stays);
    if (this.#parked.length > 0) this.#lookAgain(k);
  }

  #lookAgain({ timers, arch }: Kernel): void {
    if (this.#looks) return;
    this.#looks = true;
    timers.add(arch.now() + LOOK_AGAIN, () => { this.#looks = false; });
  }
}

/**
 * The machine stops before a signal takes effect, while its thread waits for the shortest possible time; the debugger may then drop it.
 * `tell` may have the machine stop, and answers whether the thread gets the signal.
 */
export function* showSignal(thread: Thread, arch: Switch, tell: (sig: number) => () => boolean): Steps<void> {
  const sig = thread.pending.next(thread.mask) || thread.proc.pending.next(thread.mask);
  if (sig === 0 || thread.proc.stopped) return;
  let isWanted = (): boolean => true;
  yield* arch.pause(thread, () => { isWanted = tell(sig); });
  if (!isWanted() && !thread.pending.take(thread.mask)) thread.proc.pending.take(thread.mask);
  thread.loaded = thread.call >= 0 ? Loaded.args : Loaded.none; // the debugger may have changed registers
  yield* arch.load(thread);
}
