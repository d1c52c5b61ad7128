/**
 * What V8 is told before a machine runs. Flags of Node's own command line would be lost where the command is started as `node
 * bin/tessera`.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const MIB = 2 ** 20;
/** A heap below this is left to V8. Above it, garbage may be half of what was in use after the last collection, and this much. */
const LEFT_ALONE = 112 * MIB, GARBAGE = 32 * MIB;
const EVERY_MS = 100;

/** `sparing`: what runs makes little garbage; Unix servers of many files make more. */
export function settleEngine(sparing: boolean): void {
  // Node 20 has WebAssembly's fused multiply-add under this flag; without it, floating point is slower and just as exact
  // (machine/engine/fused.ts).
  if (process.versions.v8.startsWith('11.')) setFlagsFromString('--experimental-wasm-relaxed-simd');
  boundGarbage();
  if (!sparing) return;
  // The young generation stays as small as it starts: it would grow by 30 MiB, which are idle most of the time …
  setFlagsFromString('--semi-space-growth-factor=1');
  // … and the old one is collected when it has grown by half, or 8 MiB: what is left of translating is mostly garbage.
  setFlagsFromString('--heap-growing-percent=50');
}

/**
 * Collects the garbage of a large heap early. V8 lets a heap grow to a multiple of what is alive in it, and before its first full
 * collection to hundreds of MiB: a guest that makes and ends processes without pause would have the host hold several times what the
 * guest's budget pays for.
 */
function boundGarbage(): void {
  let collect: (() => void) | undefined, most = LEFT_ALONE;
  setInterval(() => {
    if (getHeapStatistics().used_heap_size <= most) return;
    collect ??= exposedCollector();
    collect();
    most = Math.max(LEFT_ALONE, getHeapStatistics().used_heap_size * 1.5 + GARBAGE);
  }, EVERY_MS).unref();
}

function exposedCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  setFlagsFromString('--no-expose-gc');
  return collect;
}
