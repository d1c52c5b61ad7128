/** The log: lines that appear on the board's console with the component's name before them. */
import type { Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import type { Env } from './env.ts';
import { Protocol } from './protocol.ts';
import { TEXT_MAX, ask, bytesOf } from './wire.ts';

/** Writes one or more lines. Without a `log` capability it is silent. */
export function* log(sys: Syscalls, env: Env, text: string): Sys<void> {
  if (!env.hasCap('log')) return;
  const bytes = bytesOf(text.endsWith('\n') ? text : `${text}\n`), cap = env.cap('log');
  for (let at = 0; at < bytes.length; at += TEXT_MAX)
    yield* ask(sys, cap, Protocol.log.line, [], { bytes: bytes.subarray(at, at + TEXT_MAX) });
}
