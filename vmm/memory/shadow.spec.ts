/** Spaces of a deprivileged guest: which views share one. */
import { expect, it } from 'vitest';
import type { Syscalls } from '../../binding/index.ts';
import type { Sys } from '../../microkernel/abi/index.ts';
import { ShadowSpaces, type Selectors } from './shadow.ts';
import type { View } from './walker.ts';

const sys = { *invoke(): Sys<number> { return 0; } } as unknown as Syscalls;
let last = 0;
const selectors: Selectors = { take: () => ++last, free: () => {}, *name(): Sys<void> { /* nobody reads it */ } };
const view = (asid: bigint, more: Partial<View> = {}): View =>
  ({ satp: (8n << 60n) | (asid << 44n) | asid, privileged: true, sum: false, mxr: false, ...more });
const done = <T>(work: Sys<T>): T => work.next().value as T;
const page = (global: boolean) => ({ page: 0x8000_0000, rights: 7, size: 4096, global });

it('kernels share one space of global pages; the first other page parts its satp from them, and no other', () => {
  const spaces = new ShadowSpaces(selectors, true), [first, second, third] = [view(1n), view(2n), view(3n)];
  const common = done(spaces.enter(sys, first));
  expect([spaces.find(second), spaces.find(third)]).toEqual([common, common]);
  spaces.meets(second, page(true));
  expect(spaces.find(second)).toBe(common);
  spaces.meets(second, page(false));
  expect([spaces.find(first), spaces.find(second), spaces.find(third)]).toEqual([common, undefined, common]);
  expect(done(spaces.enter(sys, second))).not.toBe(common);
});
it('programs, windows to their memory, other modes and bare addresses have spaces of their own; so has everything where tables are traced',
  () => {
  const spaces = new ShadowSpaces(selectors, true), common = done(spaces.enter(sys, view(1n)));
  const others = [view(1n, { privileged: false }), view(1n, { sum: true }), view(2n, { privileged: false }), { ...view(1n), satp: 0n },
    { ...view(1n), satp: 9n << 60n }].map((v) => done(spaces.enter(sys, v)));
  expect(new Set([common, ...others]).size).toBe(6);
  const traced = new ShadowSpaces(selectors, false);
  expect(done(traced.enter(sys, view(1n)))).not.toBe(done(traced.enter(sys, view(2n))));
});
