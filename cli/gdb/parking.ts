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
  park(t: Thread): boolean {
    if (!this.#isHeld(t)) return false;
    const { cpu } = t.k;
    this.#parked.push(t);
    cpu.account(t);
    t.state = Run.stopped;
    cpu.current = undefined;
    this.#lookAgain(t.k);
    return true;
  }

  /** Those that were let go are ready. */
  unpark(k: Kernel): void {
    if (this.#parked.length === 0) return;
    const stays = (t: Thread): boolean => t.state === Run.stopped && this.#isHeld(t);
    for (const t of this.#parked) if (t.state === Run.stopped && !stays(t)) { t.state = Run.ready; k.cpu.ready.pushWoken(t); }
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
export function* showSignal(t: Thread, arch: Switch, tell: (sig: number) => () => boolean): Steps<void> {
  const sig = t.pending.next(t.mask) || t.proc.pending.next(t.mask);
  if (sig === 0 || t.proc.stopped) return;
  let isWanted = (): boolean => true;
  yield* arch.pause(t, () => { isWanted = tell(sig); });
  if (!isWanted() && !t.pending.take(t.mask)) t.proc.pending.take(t.mask);
  t.loaded = t.call >= 0 ? Loaded.args : Loaded.none; // the debugger may have changed registers
  yield* arch.load(t);
}
