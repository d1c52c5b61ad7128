/** Repeats float.spec.ts with the host's fused multiply-add where there is one. */
import { setFlagsFromString } from 'node:v8';
import { expect, it } from 'vitest';
import { hostFuses } from './fused.ts';

// V8 11 has the instruction under this flag; later versions have it anyway.
if (process.versions.v8.startsWith('11.')) setFlagsFromString('--experimental-wasm-relaxed-simd');
const fuses = hostFuses();
it.skipIf(!fuses)(`the host multiplies and adds with one rounding${fuses ? '' : ' (skipped: not this one)'}`,
  () => { expect(fuses).toBe(true); });
if (fuses) await import('./float.spec.ts');
