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
export function readRegister(hart: Hart, n: number): bigint | undefined {
  if (n < REG.pc) return BigInt.asUintN(64, hart.x[n]!);
  if (n === REG.pc) return hart.pc;
  if (n < REG.csr) return BigInt.asUintN(64, hart.f[n - REG.f]!);
  if (n === REG.priv) return BigInt(hart.priv);
  if (n === REG.virt) return hart.virt ? 1n : 0n;
  if (!isThere(byNumber.get(n - REG.csr), hart.features) || !readCsr(hart, n - REG.csr)) return undefined;
  return (BigInt(hart.hi >>> 0) << 32n) | BigInt(hart.lo >>> 0);
}

/** Writes the register by its own rules (a CSR keeps only legal values). False = there is no such register, or it is read-only. */
export function writeRegister(hart: Hart, n: number, value: bigint): boolean {
  const signed = BigInt.asIntN(64, value);
  if (n === 0) return true;
  if (n < REG.pc) hart.x[n] = signed;
  else if (n === REG.pc) hart.pc = value & ~1n;
  else if (n < REG.csr) {
    hart.f[n - REG.f] = signed;
    hart.w[HS.FS_DIRTY >> 2] = 1;
  } else if (n === REG.priv || n === REG.virt) return writeMode(hart, n, value);
  else
    return isThere(byNumber.get(n - REG.csr), hart.features)
      && writeCsr(hart, n - REG.csr, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
  return true;
}

function writeMode(hart: Hart, n: number, value: bigint): boolean {
  const priv = n === REG.priv ? Number(value) : hart.priv;
  const virt = n === REG.virt ? value !== 0n : hart.virt;
  if (![0, 1, 3].includes(priv) || (virt && (!hart.features.h || priv === 3))) return false;
  hart.setMode(priv, virt);
  return true;
}
