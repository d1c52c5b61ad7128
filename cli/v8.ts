/** Sets V8's flags before a machine runs. Flags of Node's own command line would be lost where the command starts as `node bin/tessera`. */
import { getHeapSpaceStatistics, getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const MIB = 2 ** 20;
/** V8 manages a heap below this. Above it, garbage may grow to half of the live heap after the last collection, plus this much. */
const LEFT_ALONE = 112 * MIB, GARBAGE = 32 * MIB;
const EVERY_MS = 100;

/** `sparing`: for systems with little garbage; Unix servers with many files produce more. */
export function settleEngine(sparing: boolean): void {
  // Node 20 has WebAssembly's fused multiply-add under this flag; without it, floating point is slower and just as exact
  // (machine/engine/fused.ts).
  if (process.versions.v8.startsWith('11.')) setFlagsFromString('--experimental-wasm-relaxed-simd');
  boundGarbage();
  if (!sparing) return;
  // The young generation stays as small as it starts: it would otherwise grow by 30 MiB, which are idle most of the time …
  setFlagsFromString('--semi-space-growth-factor=1');
  // … and the old one is collected when it has grown by half, or 8 MiB: memory left from translating is mostly garbage.
  setFlagsFromString('--heap-growing-percent=50');
}

/** Times by which the young generation grows for a monitor without the H extension, and what it has then at least. */
const GROWTH = 8, GROWN = 6 * MIB;
/**
 * A monitor that performs a guest's supervisor answers hundreds of thousands of events, and what it allocates for one is garbage at the
 * next: with a young generation of its first size (1 MiB), collecting takes a seventh of a boot. It grows once.
 */
export function growYoung(): void {
  setFlagsFromString(`--semi-space-growth-factor=${GROWTH}`);
  const timer = setInterval(() => {
    const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    if (young && young.space_size < GROWN) return;
    setFlagsFromString('--semi-space-growth-factor=1');
    clearInterval(timer);
  }, EVERY_MS).unref();
}

/**
 * Collects the garbage of a large heap early. V8 lets a heap grow to a multiple of its live objects, and before its first full collection
 * to hundreds of MiB, so a guest that creates and ends processes without pause could use several times its budget of host memory.
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
