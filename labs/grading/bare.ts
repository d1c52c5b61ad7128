/**
 * A world without a system: the submission's program in assembly runs on the bare machine, from its first instruction in M mode. It is
 * looked at when it first enters a guest, and at its end.
 */
import { assemble } from '../../hardware/isa/assemble.ts';
import { createBoard } from '../../machine/board/board.ts';
import { Debugger } from '../../machine/debug/debugger.ts';
import { readRegister, REG } from '../../machine/debug/registers.ts';
import { translate } from '../../machine/debug/translate.ts';
import type { Hart } from '../../machine/hart/hart.ts';
import { imageOf } from './image.ts';
import { hash } from './random.ts';

/** Where RAM begins, and the program. */
export const RAM = 0x8000_0000;
const MEMORY = 64 << 20, MOST_OUTPUT = 10_000;

export interface BareWorld {
  /** The submission's file. */
  readonly file: string;
  /** A program of the grader in memory: its source, where it lies, and where it believes that it lies. */
  readonly guest: { readonly source: string; readonly at: number; readonly linked: number };
  /** Its memory, bytes: nobody but the guest may store there. */
  readonly memory: number;
  /** Instructions after which the program counts as hanging. */
  readonly instructions: number;
  /** Guest-physical addresses that are looked up in the second stage. */
  readonly places: readonly number[];
  /** Guest memory that the judge compares: its offset from the start of the guest's memory, and its size in bytes. */
  readonly report: { readonly at: number; readonly bytes: number };
}

/** The hart at one moment. CSRs by number. */
export interface Moment {
  readonly pc: number;
  readonly mode: number;
  readonly virtual: boolean;
  csr(number: number): bigint;
  x(n: number): bigint;
  /** Where the second stage leads, for one of `places`; undefined: nowhere. */
  physical(guest: number): number | undefined;
}

export interface BareSeen {
  readonly console: string;
  /** Why it ended, in words; `code` of the finisher, undefined when it did not end by itself. */
  readonly ending: string;
  readonly code: number | undefined;
  /** The program that stored into the guest's memory, if it was not the guest. */
  readonly tampered: string | undefined;
  /** Before the first instruction in VS mode. */
  readonly entry: Moment | undefined;
  readonly end: Moment;
  readonly report: DataView;
}

export interface BareRun {
  readonly seen: BareSeen;
  readonly digest: string;
  /** For `tessera bare`, with symbols. */
  readonly image: Uint8Array;
}

function momentOf(hart: Hart, places: readonly number[]): Moment {
  const values = new Map<number, bigint>(), hgatp = readRegister(hart, REG.csr + 0x680)!, { linear } = hart.host;
  const read = (n: number): bigint => BigInt.asUintN(64, readRegister(hart, n) ?? 0n);
  for (const n of LOOKED_AT) values.set(n, read(REG.csr + n));
  const leads = new Map(places.map((place) =>
    [place, hgatp >> 60n === 0n ? undefined : translate(linear, { first: 0n, second: hgatp }, BigInt(place))]));
  const x = Array.from({ length: 32 }, (_, i) => read(i)), mode = hart.priv, virtual = hart.virt, pc = Number(hart.pc);
  return { pc, mode, virtual, x: (n) => x[n]!, csr: (n) => values.get(n) ?? 0n, physical: (guest) => leads.get(guest) };
}
/** mstatus, medeleg, mideleg, mcounteren, menvcfg; hstatus, hedeleg, hideleg, hcounteren, hvip, hgatp; vsatp; sie, stvec. */
const LOOKED_AT = [0x300, 0x302, 0x303, 0x306, 0x30a, 0x600, 0x602, 0x603, 0x606, 0x645, 0x680, 0x280, 0x104, 0x105];

export function runBare(world: BareWorld, source: string): BareRun {
  const program = assemble(source, RAM), guest = assemble(world.guest.source, world.guest.linked), pieces: number[] = [];
  const board = createBoard({ memoryBytes: MEMORY, harts: 1,
    console: { output: (byte) => { if (pieces.length < MOST_OUTPUT) pieces.push(byte); }, take: () => new Uint8Array(0),
      onInput: () => undefined } });
  const { machine } = board, [hart] = machine.harts as [Hart], { memory } = machine;
  memory.writable(RAM, program.bytes.length).set(program.bytes);
  memory.writable(world.guest.at, guest.bytes.length).set(guest.bytes);
  board.startProgram(RAM);
  let isIn = false, entry: Moment | undefined, tampered: string | undefined;
  const debug = machine.debug = new Debugger(machine, { concerns: (h) => !h.virt, steps: () => false,
    arrives: (h) => { const comes = !isIn && h.virt; isIn ||= comes; return comes; } });
  debug.insert('write', BigInt(world.guest.at), world.memory);
  let reason = machine.run({ maxInstructions: world.instructions });
  for (; reason.kind === 'debug' && tampered === undefined; reason = machine.run({ maxInstructions: world.instructions })) {
    const { kind, address } = debug.stop!;
    if (kind === 'first') entry = momentOf(hart, world.places);
    else tampered = `a store to 0x${address.toString(16)} by the hypervisor, at pc 0x${hart.pc.toString(16)}`;
    debug.resume();
  }
  const code = reason.kind === 'poweroff' || reason.kind === 'reset' ? ('code' in reason ? Number(reason.code) : 0) : undefined;
  const text = new TextDecoder().decode(Uint8Array.from(pieces)), end = momentOf(hart, world.places);
  const bytes = memory.view(world.report.at, world.report.bytes).slice(), report = new DataView(bytes.buffer);
  const ending = code !== undefined ? `it switched off with code ${code}`
    : `it did not end: at pc 0x${end.pc.toString(16)}${nearest(program.symbols, end.pc)}, ${modeName(end)}, where it `
      + (HOW[reason.kind] ?? reason.kind);
  const looked = entry ? [...LOOKED_AT.map((n) => entry.csr(n)), ...world.places.map((p) => entry.physical(p))] : [];
  const digest = hash([text, ending, ...looked, bytes.join()].join(' ')).toString(16);
  return { seen: { console: text, ending, tampered, code, entry, end, report }, digest,
    image: imageOf([{ at: RAM, bytes: program.bytes }, { at: world.guest.at, bytes: guest.bytes }], program.symbols) };
}

const HOW: Readonly<Record<string, string>> = { onlyFaults: 'does nothing but fault', instructions: 'still runs',
  deadlock: 'waits for ever', debug: 'was stopped' };

const modeName = ({ virtual, mode }: Moment): string => `${virtual ? 'V' : ''}${['U', 'S', '?', 'M'][mode]} mode`;

function nearest(symbols: ReadonlyMap<string, bigint>, pc: number): string {
  const below = [...symbols].filter(([, a]) => Number(a) >= RAM && Number(a) <= pc).sort((a, b) => Number(b[1] - a[1]))[0];
  return below && pc - Number(below[1]) < 0x1000 ? ` (${below[0]}+0x${(pc - Number(below[1])).toString(16)})` : '';
}
