/**
 * Finds out whether this host multiplies and adds with one rounding: WebAssembly's relaxed SIMD has an instruction that does where the
 * processor can. Otherwise semantics/fused.ts uses products and sums. The results are the same.
 */

const SIMD = 0xfd;
const Relaxed = { splat: 0x14, madd: [0x87, 0x02], lane: [0x21, 0] } as const;

/** One instruction of three doubles; each operand has a function that pushes it. */
export function emitFused(code: { byte(b: number): void }, operands: readonly (() => void)[]): void {
  for (const operand of operands) {
    operand();
    code.byte(SIMD);
    code.byte(Relaxed.splat);
  }
  for (const byte of [SIMD, ...Relaxed.madd, SIMD, ...Relaxed.lane]) code.byte(byte);
}

let answer: boolean | undefined;
export const hostFuses = (): boolean => (answer ??= tried());

/** (a * b + c) of doubles, as a module. */
function probe(): Uint8Array {
  const body: number[] = [0];
  emitFused({ byte: (b) => { body.push(b); } }, [0, 1, 2].map((n) => () => { body.push(0x20, n); }));
  body.push(0x0b);
  return Uint8Array.from([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 8, 1, 0x60, 3, 0x7c, 0x7c, 0x7c, 1, 0x7c, 3, 2, 1, 0, 7, 5, 1, 1, 0x66, 0, 0, 10, body.length + 2,
    1, body.length, ...body
  ]);
}

function tried(): boolean {
  const bytes = probe();
  if (!WebAssembly.validate(bytes)) return false;
  const madd = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports['f'] as (a: number, b: number, c: number) => number;
  const x = 1 + 2 ** -30;
  return madd(x, x, -(1 + 2 ** -29)) === 2 ** -60 && madd(-x, x, 1 + 2 ** -29) === -(2 ** -60) && madd(3, 5, 7) === 22;
}
