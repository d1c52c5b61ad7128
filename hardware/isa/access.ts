/** Loads, stores and atomics: how many bytes they move between register and memory, and in which form. */
import { rows } from './table.ts';

export interface Access {
  /** Atomics, which read and write, count as stores. */
  readonly kind: 'load' | 'store' | 'atomic';
  /** Bytes. */
  readonly size: 1 | 2 | 4 | 8 | 16;
  /** A load extends the sign. */
  readonly signed: boolean;
  /** The register is a floating-point one. */
  readonly float: boolean;
  /** hlv, hlvx, hsv: through the translation of a guest. */
  readonly guest: boolean;
}

const SIZES = { b: 1, h: 2, w: 4, d: 8, q: 16 } as const;
/** lw, sd, flh, lbu; hlv.wu, hlvx.hu, hsv.b; lr.w, sc.d, amoadd.w. */
const PLAIN = /^(f?)([ls])([bhwd])(u?)$/;
const GUEST = /^(h)([ls])vx?\.([bhwd])(u?)$/;
const ATOMIC = /^(?:lr|sc|amo\w+)\.([wdq])$/;

function accessOf(name: string): Access | undefined {
  const [, prefix, letter, size, unsigned] = PLAIN.exec(name) ?? GUEST.exec(name) ?? [];
  if (size !== undefined) {
    return {
      kind: letter === 'l' ? 'load' : 'store', size: SIZES[size as 'b'], signed: unsigned === '', float: prefix === 'f',
      guest: prefix === 'h'
    };
  }
  const atomic = ATOMIC.exec(name)?.[1];
  return atomic === undefined ? undefined : { kind: 'atomic', size: SIZES[atomic as 'w'], signed: true, float: false, guest: false };
}

/** By row number; undefined for rows that do not move a register to or from memory. */
export const accesses: readonly (Access | undefined)[] = rows.map((row) => accessOf(row.name));
