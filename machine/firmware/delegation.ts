/**
 * The setup of a hart before S mode runs: firmware delegates everything that S mode can handle, and enables counters and optional features.
 * OpenSBI keeps a few exceptions to emulate missing hardware; this hardware has everything, so those are delegated too.
 * @spec priv 3.1.8, 3.1.11, 3.1.18, 3.7; sbi 9.1
 */
import type { HartApi } from '../api.ts';

const bit = (n: number): bigint => 1n << BigInt(n);
const ALL_ONES = 2n ** 64n - 1n;

const EXCEPTION = { ECALL_HS: 9, ECALL_M: 11, DOUBLE_TRAP: 16 } as const;
const INTERRUPT = { SSI: 1, STI: 5, SEI: 9, LCOFI: 13 } as const;
const MENVCFG = { FIOM: 0, CBIE: 4, CBCFE: 6, CBZE: 7, ADUE: 61, PBMTE: 62, STCE: 63 } as const;
const PMP_NAPOT_RWX = 0x1fn;

/** CSR, number, value: written in this order; unimplemented bits stay zero. */
const settings: readonly (readonly [name: string, csr: number, value: bigint])[] = [
  ['pmpaddr0', 0x3b0, ALL_ONES >> 10n],
  ['pmpcfg0', 0x3a0, PMP_NAPOT_RWX],
  ['medeleg', 0x302, 0xff_ffffn & ~(bit(EXCEPTION.ECALL_HS) | bit(EXCEPTION.ECALL_M) | bit(EXCEPTION.DOUBLE_TRAP))],
  ['mideleg', 0x303, bit(INTERRUPT.SSI) | bit(INTERRUPT.STI) | bit(INTERRUPT.SEI) | bit(INTERRUPT.LCOFI)],
  ['mcounteren', 0x306, 0xffff_ffffn],
  // Kernels do not set this, yet let programs read the time.
  ['scounteren', 0x106, 7n],
  ['mcountinhibit', 0x320, 0n],
  [
    'menvcfg', 0x30a,
    (3n << BigInt(MENVCFG.CBIE)) | bit(MENVCFG.CBCFE) | bit(MENVCFG.CBZE) | bit(MENVCFG.ADUE) | bit(MENVCFG.PBMTE) | bit(MENVCFG.STCE)
  ],
  ['mstateen0', 0x30c, ALL_ONES],
  ['mie', 0x304, 0n],
];

/** Leaves the hart ready to start in S mode. */
export function setUpHart(hart: HartApi): void {
  for (const [, csr, value] of settings) hart.setCsr(csr, value);
}
