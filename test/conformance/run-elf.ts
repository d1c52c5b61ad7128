/** Runs a conformance test's ELF file on the bare machine until it reports its end, and reads its signature. */
import { Htif } from '../../machine/devices/htif.ts';
import { createBoard } from '../../machine/board/board.ts';
import { loadProgram } from '../../machine/loader/kernel.ts';

export type Tier = 'auto' | 'interp' | 'jit';

export interface ElfRun {
  readonly isa?: string;
  readonly engine?: Tier;
  /** Cycles after which a test counts as hung: a program that traps for ever retires no instruction. */
  readonly limit: number;
}

const MIB = 1 << 20;
const silent = { output: () => {}, take: () => new Uint8Array(0), onInput: () => {} };

/** The 32-bit words from begin_signature to end_signature in hexadecimal, or the failure. */
export function signatureOf(elf: Uint8Array, { isa, engine, limit }: ElfRun): string[] | string {
  const board = createBoard({ memoryBytes: 16 * MIB, harts: 1, isa, engine, console: silent });
  const { machine } = board;
  const placed = loadProgram(machine.memory, elf, { base: machine.memory.base, gunzip: (b) => b, raw: false });
  if (!placed.ok) return `not loaded: ${placed.error}`;
  const { entry, symbols } = placed.value;
  const [tohost, begin, end] = ['tohost', 'begin_signature', 'end_signature'].map((name) => symbols.get(name));
  if (tohost === undefined || begin === undefined || end === undefined) return 'has no tohost or no signature';
  new Htif({ memory: machine.memory, events: machine.events, stop: (r) => machine.stop(r) }, silent, { tohost });
  board.startProgram(entry);
  const reason = machine.run({ maxCycles: limit });
  if (reason.kind !== 'poweroff') return `ended with ${reason.kind} at ${machine.harts[0].pcNum.toString(16)}`;
  return Array.from({ length: (end - begin) / 4 }, (_, i) => machine.memory.u32(begin + 4 * i).toString(16).padStart(8, '0'));
}
