/**
 * Binary interchange formats of IEEE 754 in exact arithmetic. A finite number is sig * 2^exp with an integer sig; every
 * operation computes exactly and rounds once, in `round`. Bit patterns are unsigned bigints.
 * @spec unpriv 20.2
 */
export interface Format {
  readonly name: 'h' | 's' | 'd';
  /** Bits of the exponent field and of the fraction field. */
  readonly exponent: number;
  readonly fraction: number;
  /** Exponent of the smallest normal and of the largest finite number. */
  readonly emin: number;
  readonly emax: number;
  /** The only NaN that operations produce. */
  readonly nan: bigint;
  readonly infinity: bigint;
  readonly signBit: bigint;
}

function format(name: Format['name'], exponent: number, fraction: number): Format {
  const emax = 2 ** (exponent - 1) - 1;
  const infinity = ((1n << BigInt(exponent)) - 1n) << BigInt(fraction);
  return {
    name, exponent, fraction, emin: 1 - emax, emax, infinity, nan: infinity | (1n << BigInt(fraction - 1)),
    signBit: 1n << BigInt(exponent + fraction)
  };
}

export const HALF = format('h', 5, 10);
export const SINGLE = format('s', 8, 23);
export const DOUBLE = format('d', 11, 52);

/** Accrued exception bits of fflags. */
export const Flag = { NX: 1, UF: 2, OF: 4, DZ: 8, NV: 16 } as const;

/** Rounding modes of the rm field. */
export const Round = { nearestEven: 0, towardZero: 1, down: 2, up: 3, nearestAway: 4 } as const;

/** The rounding mode in, the exceptions out. */
export class Status {
  flags = 0;
  rm: number = Round.nearestEven;

  raise(flags: number): void { this.flags |= flags; }
}

export interface Unpacked {
  readonly kind: 'zero' | 'finite' | 'infinite' | 'nan';
  readonly negative: boolean;
  readonly exp: number;
  readonly sig: bigint;
  /** A NaN that raises NV when it is used. */
  readonly signaling: boolean;
}

export function unpack(format: Format, bits: bigint): Unpacked {
  const negative = (bits & format.signBit) !== 0n;
  const fraction = bits & ((1n << BigInt(format.fraction)) - 1n);
  const biased = Number((bits >> BigInt(format.fraction)) & ((1n << BigInt(format.exponent)) - 1n));
  if (biased === 2 ** format.exponent - 1) {
    if (fraction === 0n) return { kind: 'infinite', negative, exp: 0, sig: 0n, signaling: false };
    return { kind: 'nan', negative, exp: 0, sig: 0n, signaling: (fraction >> BigInt(format.fraction - 1)) === 0n };
  }
  if (biased === 0)
    return { kind: fraction === 0n ? 'zero' : 'finite', negative, exp: format.emin - format.fraction, sig: fraction, signaling: false };
  const sig = fraction | (1n << BigInt(format.fraction));
  return { kind: 'finite', negative, exp: biased - format.emax - format.fraction, sig, signaling: false };
}

export function bitLength(n: bigint): number {
  const text = n.toString(16);
  return text.length * 4 - Math.clz32(parseInt(text[0], 16)) + 28;
}

export const zero = (f: Format, negative: boolean): bigint => (negative ? f.signBit : 0n);
export const infinity = (f: Format, negative: boolean): bigint => (negative ? f.signBit : 0n) | f.infinity;

/** An invalid operation: NV and the canonical NaN. */
export function invalid(format: Format, st: Status): bigint {
  st.raise(Flag.NV);
  return format.nan;
}

/** sig * 2^exp (and a little more, when `sticky`: sig must then have more bits than the format) in the format, with flags. */
export function round(format: Format, st: Status, negative: boolean, sig: bigint, exp: number, sticky = false): bigint {
  if (sig === 0n) return zero(format, negative);
  const top = exp + bitLength(sig) - 1;
  const quantum = Math.max(top - format.fraction, format.emin - format.fraction);
  const [kept, inexact] = quantize(st.rm, negative, sig, quantum - exp, sticky);
  if (inexact) st.raise(Flag.NX);
  if (inexact && top < format.emin && isTiny(format, st.rm, negative, sig, exp, top, sticky)) st.raise(Flag.UF);
  return encode(format, st, negative, kept, quantum);
}

/** Divides by 2^shift and rounds; tells whether the result is inexact. */
export function quantize(rm: number, negative: boolean, sig: bigint, shift: number, sticky: boolean): [bigint, boolean] {
  if (shift <= 0) return [sig << BigInt(-shift), sticky];
  const count = BigInt(shift);
  const kept = sig >> count;
  const rest = sig - (kept << count);
  if (rest === 0n && !sticky) return [kept, false];
  const half = 1n << (count - 1n);
  const order = rest > half || (rest === half && sticky) ? 1 : rest === half ? 0 : -1;
  return [roundsUp(rm, negative, (kept & 1n) === 1n, order) ? kept + 1n : kept, true];
}

/** Does a magnitude between two neighbours round to the upper one? `order`: compared with the middle. */
function roundsUp(rm: number, negative: boolean, odd: boolean, order: number): boolean {
  switch (rm) {
    case Round.nearestEven: return order > 0 || (order === 0 && odd);
    case Round.nearestAway: return order >= 0;
    case Round.down: return negative;
    case Round.up: return !negative;
    default: return false;
  }
}

/** Tininess is detected after rounding: would the result be below the normal range with unbounded exponent? */
function isTiny(format: Format, rm: number, negative: boolean, sig: bigint, exp: number, top: number, sticky: boolean): boolean {
  if (top < format.emin - 1) return true;
  const [kept] = quantize(rm, negative, sig, top - format.fraction - exp, sticky);
  return kept >> BigInt(format.fraction + 1) === 0n;
}

function encode(format: Format, st: Status, negative: boolean, kept: bigint, quantum: number): bigint {
  const hidden = 1n << BigInt(format.fraction);
  let sig = kept;
  let exponent = quantum;
  if (sig >= hidden << 1n) {
    sig >>= 1n;
    exponent++;
  }
  if (exponent + format.fraction > format.emax) return overflow(format, st, negative);
  const biased = sig >= hidden ? BigInt(exponent + format.fraction + format.emax) : 0n;
  return zero(format, negative) | (biased << BigInt(format.fraction)) | (sig & (hidden - 1n));
}

function overflow(format: Format, st: Status, negative: boolean): bigint {
  st.raise(Flag.OF | Flag.NX);
  const toInfinity = st.rm === Round.nearestEven || st.rm === Round.nearestAway || st.rm === (negative ? Round.down : Round.up);
  return toInfinity ? infinity(format, negative) : infinity(format, negative) - 1n;
}
