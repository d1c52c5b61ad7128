/** Faults at code while other processors run: what was found before a system call is not mapped after it. */
import { expect, it } from 'vitest';
import type { Syscalls } from '../../binding/index.ts';
import type { Sys } from '../../microkernel/abi/index.ts';
import type { ShadowMmu } from '../memory/shadow-mmu.ts';
import type { View } from '../memory/walker.ts';
import { GuestRam, RAM_BASE, type RamAccess } from '../ram.ts';
import { PAGE } from './code-page.ts';
import type { Copies } from './copies.ts';
import type { Hands } from './guest-code.ts';
import { KernelCode } from './kernel-code.ts';
import { ScannedCode } from './scanned.ts';

const memory: RamAccess = { u8: () => 0, u16: () => 0, u32: () => 0, setU8: () => {}, setU16: () => {}, setU32: () => {},
  read: (_, length) => new Uint8Array(length), write: () => {}, fill: () => {} };

it('a store that makes a page data again is tried anew: another processor may have changed its table meanwhile', () => {
  const ram = new GuestRam(memory, 0, 64 * PAGE), code = new ScannedCode(ram, 'chained'), page = RAM_BASE + PAGE, planned: bigint[] = [];
  const view: View = { satp: 0n, privileged: true, sum: false, mxr: false };
  const mmu = { *withdraw(): Sys<void> { /* others run, and fence */ }, plan: (_: View, address: bigint) => { planned.push(address); },
    codeAt: () => undefined } as unknown as ShadowMmu;
  const hands = { view: () => view, setPc: () => {}, x: { get: () => 0n, set: () => {} } } as unknown as Hands;
  const kernel = new KernelCode({ code, copies: {} as Copies, stubs: undefined }, mmu, ram, hands);
  code.add(page, undefined).writes = 1000; // so often that it is data
  const found = { page, rights: 7, size: PAGE, global: true };
  expect(kernel.fault({} as Syscalls, 'store', found, BigInt(page), BigInt(RAM_BASE)).next().done).toBe(true);
  expect([code.has(page), planned]).toEqual([false, []]);
  expect(kernel.fault({} as Syscalls, 'store', found, BigInt(page), BigInt(RAM_BASE)).next().done).toBe(true);
  expect(planned).toEqual([BigInt(page)]);
});
