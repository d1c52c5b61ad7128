/** What V8 is told before a machine runs. Flags of Node's own command line would be lost where the command is started as `node bin/tessera`. */
import { setFlagsFromString } from 'node:v8';

/** `sparing`: what runs makes little garbage; Unix servers of many files make more. */
export function settleEngine(sparing: boolean): void {
  // Node 20 has WebAssembly's fused multiply-add under this flag; without it, floating point is slower and just as exact (machine/engine/fused.ts).
  if (process.versions.v8.startsWith('11.')) setFlagsFromString('--experimental-wasm-relaxed-simd');
  if (!sparing) return;
  // The young generation stays as small as it starts: it would grow by 30 MiB, which are idle most of the time …
  setFlagsFromString('--semi-space-growth-factor=1');
  // … and the old one is collected when it has grown by half, or 8 MiB: what is left of translating is mostly garbage.
  setFlagsFromString('--heap-growing-percent=50');
}
