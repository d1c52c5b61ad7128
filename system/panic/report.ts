/**
 * The report of a guest kernel's panic: its message, the position of each processor with function names, the call chain, the trap under
 * way, the last exits, and the page-table walks of the trap's address through each stage of translation.
 */
import { causeText } from '../../hardware/isa/causes.ts';
import { xName } from '../../hardware/isa/registers.ts';
import { walkLines, type Walk } from '../../machine/debug/walked.ts';
import { visible } from '../../trace/visible.ts';
import { callChain, signed, type Frame, type ReadWord, type Trap } from './chain.ts';
import type { FunctionNames } from './names.ts';

/** A processor of the machine that panicked. */
export interface Processor {
  /** 'vCPU 0', 'hart 1'. */
  readonly name: string;
  readonly mode: string;
  readonly pc: bigint;
  /** x1 … x31 at their numbers. */
  readonly x: readonly bigint[];
  /** The last trap that the guest itself handled, by its CSRs. */
  readonly lastTrap: Trap | undefined;
  /** Memory as the processor sees it. */
  readonly read: ReadWord;
  walk(va: bigint): Walk;
}

export interface Panic {
  /** Whose kernel: 'vm', or the machine. */
  readonly who: string;
  /** Its panic message, or how it ended. */
  readonly said: string;
  readonly processors: readonly Processor[];
  /** Number of the processor with the last exit, which wrote the message. */
  readonly last: number;
  readonly names: FunctionNames;
  /** Its last exits, oldest first. */
  readonly exits: readonly string[];
}

const RA = 1, SP = 2, FP = 8, REGISTERS = 32, A_LINE = 4;
/** Causes whose tval is an address. @spec priv 12.1.8 */
const ABOUT_ADDRESS: ReadonlySet<number> = new Set([0, 1, 4, 5, 6, 7, 12, 13, 15, 20, 21, 23]);
const PANIC = /panic/i;
const hex = (n: bigint): string => `0x${BigInt.asUintN(64, n).toString(16)}`;

export function panicReport(panic: Panic): string {
  const { names, processors } = panic, chains = processors.map((p) => callChain(p.read,
    { pc: p.pc, ra: p.x[RA]!, sp: p.x[SP]!, fp: p.x[FP]! }, names));
  const found = chains.findIndex((chain) => chain.some((f, i) => PANIC.test(names.at(signed(f.pc) - (i > 0 ? 1 : 0)) ?? ''))),
    at = found < 0 ? panic.last : found;
  const processor = processors[at];
  if (!processor) return `tessera: ${heading(panic, '')}\n`;
  const chain = chains[at]!, trap = [...chain].reverse().find((f) => f.trap)?.trap ?? processor.lastTrap, lines = [
    heading(panic, `, ${processor.name}`), `${processor.mode} at ${place(names, processor.pc, 0)}`, ...registers(processor), 'calls',
      ...chain.flatMap((f, i) => frameLines(names, f, i, chain)),
  ];
  if (chain.length === 1) lines.push(`  ${place(names, processor.x[RA]!, 1)} (ra; this code keeps no frame pointers)`);
  if (processor.lastTrap) lines.push(`last trap: ${trapText(names, processor.lastTrap)}`);
  for (const [i, other] of processors.entries()) if (i !== at) lines.push(`${other.name}: ${other.mode} at ${place(names, other.pc, 0)}`);
  if (panic.exits.length > 0) lines.push('last exits', ...panic.exits.map((e) => `  ${e}`));
  lines.push(...addresses(processor, trap));
  return lines.map((l, i) => (i === 0 ? `tessera: ${l}\n` : `  ${l}\n`)).join('');
}

const heading = ({ who, said }: Panic, at: string): string => `${PANIC.test(said) ? 'panic' : 'failure'} of ${who}${at}: ${visible(said)}`;

/** Return addresses of calls that do not return may be the beginning of the next function. */
function place(names: FunctionNames, pc: bigint, before: number): string {
  const at = signed(pc), name = names.at(at - before), own = names.place(at);
  if (name === undefined) return hex(pc);
  return `${hex(pc)} ${name === names.at(at) ? own! : `${names.place(at - before)!} (call before its end)`}`;
}

function frameLines(names: FunctionNames, frame: Frame, i: number, chain: readonly Frame[]): string[] {
  const interrupted = i > 0 && chain[i - 1]!.trap !== undefined, line = `  ${place(names, frame.pc, i > 0 && !interrupted ? 1 : 0)}`;
  return frame.trap ? [line, `  — ${trapText(names, frame.trap)} —`] : [line];
}

const INTERRUPT = 1n << 63n;
function trapText(names: FunctionNames, { cause, pc, value }: Trap): string {
  const code = Number(BigInt.asUintN(63, cause)), what = BigInt.asUintN(64, cause) & INTERRUPT ? `interrupt ${code}` : causeText(code);
  return `${what} at ${place(names, pc, 0)}, value ${hex(value)}`;
}

function registers({ x }: Processor): string[] {
  const cells = Array.from({ length: REGISTERS - 1 }, (_, i) => `${xName(i + 1)} ${hex(x[i + 1]!)}`), lines: string[] = [];
  for (let i = 0; i < cells.length; i += A_LINE) lines.push(`  ${cells.slice(i, i + A_LINE).map((c) => c.padEnd(24)).join('').trimEnd()}`);
  return lines;
}

/** Walks of the trap's address, or else of the pc. */
function addresses(processor: Processor, trap: Trap | undefined): string[] {
  const fault = trap !== undefined && (BigInt.asUintN(64, trap.cause) & INTERRUPT) === 0n
    && ABOUT_ADDRESS.has(Number(BigInt.asUintN(63, trap.cause)));
  const about: [string, bigint][] = [...(fault ? [['address', trap.value] as [string, bigint]] : []),
    ['pc', fault ? trap.pc : processor.pc]];
  return about.flatMap(([what, at]) => [`${what} ${hex(at)}`, ...walkLines(processor.walk(BigInt.asUintN(64, at))).map((l) => `  ${l}`)]);
}
