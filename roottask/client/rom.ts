/** Boot modules: files that were in memory before the start. They are mapped read-only in place, without a copy. */
import type { Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import type { Env } from './env.ts';
import { Protocol } from './protocol.ts';
import { ask, getText } from './wire.ts';
import { naturalAlign, roundUp } from './memory.ts';

export interface Rom { readonly va: number; readonly size: number }

/** The module `name` in this task's memory, or undefined when there is none (or the scenario does not give it to this component). */
export function* openRom(sys: Syscalls, env: Env, name: string): Sys<Rom | undefined> {
  if (!env.hasCap('rom')) return undefined;
  const rom = env.cap('rom');
  if ((yield* ask(sys, rom, Protocol.rom.stat, [], { text: name })) !== 0) return undefined;
  const size = sys.utcb.word(0), skew = sys.utcb.word(1), id = sys.utcb.word(2), pages = roundUp(size);
  const va = env.reserve(pages + skew, Math.max(0x20_0000, naturalAlign(Math.max(pages, 1)))) + skew;
  for (let done = 0; done < pages; ) {
    if ((yield* ask(sys, rom, Protocol.rom.map, [id, va + done, done], { receives: true })) !== 0) return undefined;
    done += sys.utcb.word(0);
  }
  return { va, size };
}

/** Names of the modules that this component may open. */
export function* listRoms(sys: Syscalls, env: Env): Sys<string[]> {
  const names: string[] = [];
  if (env.hasCap('rom'))
    while ((yield* ask(sys, env.cap('rom'), Protocol.rom.list, [names.length])) === 0) names.push(getText(sys.utcb, 0));
  return names;
}
