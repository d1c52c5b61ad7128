/**
 * Optional exits of a VM, each controlled by a bit of a hypervisor register. They extend Popek and Goldberg's principle from instructions
 * to operations that the monitor chooses to serve.
 * @spec priv 21.2.1 (VTSR, VTW, VTVM), 21.2.2 (hedeleg), 21.2.5 (hcounteren)
 */
import { S, type Utcb } from '../microkernel/abi/index.ts';

export interface Control {
  /** Place of the register in the state area, and its bits. */
  readonly at: number;
  readonly bits: bigint;
  /** Value of the bits that enables the exits. */
  readonly when: 0 | 1;
  readonly doc: string;
}

const VTVM = 1n << 20n, VTW = 1n << 21n, VTSR = 1n << 22n;
const code = (...codes: number[]): bigint => codes.reduce((bits, c) => bits | (1n << BigInt(c)), 0n);

/** Operations by their name in `exits`. The prefix `no-` asks for the opposite. */
export const controls = {
  wfi: { at: S.hstatus, bits: VTW, when: 1, doc: 'waiting for an interrupt (VTW); without it the hart itself waits' },
  sret: { at: S.hstatus, bits: VTSR, when: 1, doc: "returns from the guest's traps (VTSR)" },
  satp: { at: S.hstatus, bits: VTVM, when: 1, doc: 'satp and fences of translations (VTVM)' },
  time: { at: S.hcounteren, bits: 1n << 1n, when: 0, doc: 'the time and its comparator (hcounteren.TM)' },
  syscall: { at: S.hedeleg, bits: code(8), when: 0, doc: "system calls of the guest's programs (hedeleg)" },
  fault: { at: S.hedeleg, bits: code(12, 13, 15), when: 0, doc: 'page faults by its own tables (hedeleg)' },
  breakpoint: { at: S.hedeleg, bits: code(3), when: 0, doc: 'breakpoints (hedeleg)' },
  illegal: { at: S.hedeleg, bits: code(2), when: 0, doc: 'illegal instructions (hedeleg)' },
} as const satisfies Readonly<Record<string, Control>>;
export type ControlName = keyof typeof controls;
const names = Object.keys(controls) as ControlName[];

/** Bits to set and to clear, by their offset. */
export class ExitControl {
  /** Whether no optional exit is enabled. */
  readonly #asked: readonly { readonly name: ControlName; readonly on: boolean }[];

  /** `asked`: checked by `whatIsWrongWith`. */
  constructor(asked: readonly string[]) {
    this.#asked = asked.map((text) => ({ name: text.replace(/^no-/, '') as ControlName, on: !text.startsWith('no-') }));
  }
  get isUsual(): boolean { return this.#asked.length === 0; }
  has(name: ControlName): boolean { return this.#asked.some((a) => a.on && a.name === name); }

  /** Changes the control registers of the state area. */
  apply(utcb: Utcb): void {
    for (const { name, on } of this.#asked) {
      const { at, bits, when }: Control = controls[name];
      utcb.setBig(at, on === (when === 1) ? utcb.big(at) | bits : utcb.big(at) & ~bits);
    }
  }
}

/** Whether these are names of operations; the error is a sentence. */
export function whatIsWrongWith(asked: unknown): string | undefined {
  if (!Array.isArray(asked)) return 'exits is a list of names';
  const wrong = (asked as unknown[]).find((a) => typeof a !== 'string' || !names.includes(a.replace(/^no-/, '') as ControlName));
  return wrong === undefined ? undefined : `'${String(wrong)}' is no exit; there are ${names.join(', ')}, each also with no- before it`;
}
