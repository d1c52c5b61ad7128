/**
 * A hart's registers by number, as debuggers count them: x0 … x31, pc, f0 … f31, all CSRs, and two that are no
 * architectural registers: `priv` (0 U, 1 S, 3 M) and `virt` (1 in VS and VU mode).
 */
import { HS } from '../engine/layout.ts';
import { csrRows, readCsr, writeCsr } from '../hart/csr.ts';
import type { CsrRow } from '../hart/csr.ts';
import type { Features } from '../hart/features.ts';
import type { Hart } from '../hart/hart.ts';

export const REG = { x: 0, pc: 32, f: 33, csr: 65, priv: 65 + 4096, virt: 66 + 4096 } as const;

const byNumber = new Map<number, CsrRow>(csrRows.map((row) => [row.number, row]));
const isThere = (row: CsrRow | undefined, features: Features): boolean =>
  row !== undefined && (row.feature === undefined || features[row.feature] !== false);

/** The CSRs that harts with these features have, in the manual's order. */
export const csrsOf = (features: Features): { readonly number: number; readonly name: string }[] =>
  csrRows.filter((row) => isThere(row, features));

/** The 64-bit value (unsigned); undefined = there is no such register. */
export function readRegister(h: Hart, n: number): bigint | undefined {
  if (n < REG.pc) return BigInt.asUintN(64, h.x[n]!);
  if (n === REG.pc) return h.pc;
  if (n < REG.csr) return BigInt.asUintN(64, h.f[n - REG.f]!);
  if (n === REG.priv) return BigInt(h.priv);
  if (n === REG.virt) return h.virt ? 1n : 0n;
  if (!isThere(byNumber.get(n - REG.csr), h.features) || !readCsr(h, n - REG.csr)) return undefined;
  return (BigInt(h.hi >>> 0) << 32n) | BigInt(h.lo >>> 0);
}

/** Writes the register by its own rules (a CSR keeps only legal values). False = there is no such register, or it is read-only. */
export function writeRegister(h: Hart, n: number, value: bigint): boolean {
  const signed = BigInt.asIntN(64, value);
  if (n === 0) return true;
  if (n < REG.pc) h.x[n] = signed;
  else if (n === REG.pc) h.pc = value & ~1n;
  else if (n < REG.csr) {
    h.f[n - REG.f] = signed;
    h.w[HS.FS_DIRTY >> 2] = 1;
  } else if (n === REG.priv || n === REG.virt) return writeMode(h, n, value);
  else
    return isThere(byNumber.get(n - REG.csr), h.features)
      && writeCsr(h, n - REG.csr, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
  return true;
}

function writeMode(h: Hart, n: number, value: bigint): boolean {
  const priv = n === REG.priv ? Number(value) : h.priv;
  const virt = n === REG.virt ? value !== 0n : h.virt;
  if (![0, 1, 3].includes(priv) || (virt && (!h.features.h || priv === 3))) return false;
  h.setMode(priv, virt);
  return true;
}
