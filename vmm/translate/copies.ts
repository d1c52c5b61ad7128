/** Frames for copies of code: made in pieces, as they are needed, up to a limit. All processors of a virtual machine share them. */
import type { Syscalls } from '../../binding/index.ts';
import { Right, type Sys } from '../../microkernel/abi/index.ts';
import { allocate, type Env } from '../../roottask/client/index.ts';
import { PAGE, type Copy } from './code-page.ts';

const PIECE = 64 * PAGE, MIB = 2 ** 20;
/** Bytes of copies for a guest with this much memory: the monitor's share (scenarios/machine-world.ts sets it aside). */
export const roomForCopies = (memory: number): number => Math.min(16 * MIB, Math.max(MIB, memory / 16));

export class Copies {
  readonly #env: Env;
  readonly #most: number;
  #free: Copy[] = [];
  readonly #all: Copy[] = [];
  #made = 0;

  constructor(env: Env, memory: number) {
    this.#env = env;
    this.#most = roomForCopies(memory);
  }

  /** undefined: there is no more. */
  *take(sys: Syscalls): Sys<Copy | undefined> {
    if (this.#free.length === 0) yield* this.#more(sys);
    return this.#free.pop();
  }
  give(copy: Copy): void { this.#free.push(copy); }
  /** Frees all frames after the end of the virtual machine. */
  reset(): void { this.#free = [...this.#all]; }

  *#more(sys: Syscalls): Sys<void> {
    if (this.#made + PIECE > this.#most) return;
    const got = yield* allocate(sys, this.#env, PIECE, { rights: Right.RWX, align: PAGE });
    if (!got.ok) return;
    this.#made += PIECE;
    const { memory } = sys;
    for (let va = got.value; va < got.value + PIECE; va += PAGE) {
      this.#all.push({ va, write: (offset, bytes) => memory.write(va + offset, bytes) });
    }
    this.#free = this.#all.slice(-PIECE / PAGE);
  }
}
