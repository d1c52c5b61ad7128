/** The figures of a run: the `--stats` object, and the table of tasks that a scenario ends with. */
import { visible } from '../trace/visible.ts';
import type { ComponentState } from '../roottask/root/main.ts';
import type { Kernel } from '../microkernel/index.ts';
import { CAUSES, causeName } from '../microkernel/abi/index.ts';
import type { System } from './system.ts';

const round = (value: number): number => Math.round(value * 1000) / 1000;

/** Events by name, without those that did not happen. */
export function eventsByCause({ counters: { events } }: Kernel): Record<string, number> {
  const named: Record<string, number> = {};
  for (let cause = 0; cause < CAUSES; cause++) if (events[cause]! > 0) named[causeName(cause)] = events[cause]!;
  return named;
}

/**
 * Shape of the CLI contract (docs: `--stats`). Counts are exact; cycles are a model. `memory`: the host's memory figures, for the engine's
 * section.
 */
export function statsOf(system: System, memory?: object): Record<string, unknown> {
  const { machine, kernel } = system, { counters } = kernel, instructions = machine.instructions, wallSeconds = system.wallSeconds;
  const { regions, compileSeconds, interpretedInstructions, translatedInstructions } = machine.engine.stats();
  const exits: Record<string, number> = eventsByCause(kernel);
  return {
    instructions, cycles: machine.events.now, wallSeconds: round(wallSeconds),
    mips: round(instructions / 1e6 / Math.max(wallSeconds, 1e-9)),
    traps: Object.values(exits).reduce((a, b) => a + b, 0) + counters.interrupts, exits, ipc: counters.ipc,
    addressSpaceSwitches: counters.addressSpaceSwitches, kernelEntries: counters.kernelEntries, worldSwitches: counters.worldSwitches,
      longestStretch: counters.longestStretch,
    tlb: machine.tlb, guest: guestFigures(system), ...shadowFigures(system),
    engine: { regions, compileSeconds: round(compileSeconds), interpretedInstructions, translatedInstructions, memory },
    components: Object.fromEntries([...system.components.values()].map(c => [
      c.name, { state: c.state, status: c.status, restarts: c.restarts, ...(c.report && { says: c.report }) }
    ])),
  };
}

/** Faults and spaces of deprivileged guests, by monitor. */
const shadowFigures = ({ tally }: System): { shadow?: Record<string, object> } => (tally.shadows.any || tally.shadows.rows().length > 0
  ? { shadow: Object.fromEntries(tally.shadows.rows().map(({ task, ...counts }) => [task, counts])) } : {});

/**
 * Instructions of guests under the H extension, separately for their programs (VU mode) and their kernels (VS): Popek and Goldberg's
 * efficiency.
 */
export interface GuestFigures { readonly instructions: Split; readonly exits: Split; readonly exitsPerMillion: Split }
interface Split { readonly vu: number; readonly vs: number }

export function guestFigures({ machine, kernel: { counters } }: System): GuestFigures {
  const instructions = { vu: 0, vs: 0 }, exits = { vu: counters.guestExits[0], vs: counters.guestExits[1] };
  for (const hart of machine.harts) {
    const { vu, vs } = hart.guestInstructions();
    instructions.vu += vu;
    instructions.vs += vs;
  }
  const rate = (mode: keyof Split): number => (instructions[mode] === 0 ? 0 : round((exits[mode] / instructions[mode]) * 1e6));
  return { instructions, exits, exitsPerMillion: { vu: rate('vu'), vs: rate('vs') } };
}

const SHOWN = ['threads', 'messages', 'events', 'replies', 'maps', 'switches'] as const;

/** Tasks with their messages and events, components with their ends, exits by cause: plain text of at most 100 columns. */
export function tableOf(system: System): string {
  const rows = system.tally.rows(), lines: string[] = [];
  const named = rows.filter(r => r.messages + r.events + r.replies > 0);
  lines.push(line(['task', ...SHOWN]),
    ...named.map(r => line([r.tasks > 1 ? `${r.name} (${r.tasks})` : r.name, ...SHOWN.map(c => String(r[c]))])), '');
  lines.push(line(['component', 'state', 'status', 'restarts', '', '', 'says']), ...[...system.components.values()].map(componentLine));
  const exits = Object.entries(eventsByCause(system.kernel));
  if (exits.length) lines.push('', `events and exits: ${exits.map(([cause, n]) => `${cause} ${n}`).join(', ')}`);
  const { instructions, exits: left, exitsPerMillion } = guestFigures(system);
  if (instructions.vs > 0) lines.push(`guests: ${(['vu', 'vs'] as const).map((m) =>
    `${m.toUpperCase()} ${instructions[m]} instructions, ${left[m]} exits (${exitsPerMillion[m]} a million)`).join('; ')}`);
  const counters = system.kernel.counters;
  lines.push('',
    `${counters.kernelEntries} kernel entries, ${counters.ipc} messages, ${counters.addressSpaceSwitches} address space switches, `
      + `${system.machine.instructions} guest instructions`);
  return lines.map(l => l.trimEnd()).join('\n') + '\n';
}
const componentLine = (c: ComponentState): string => line([
  c.name, c.state, c.state === 'running' ? '' : String(c.status), String(c.restarts), '', '', visible(c.report || c.why)
]);
const WIDTHS = [26, 9, 9, 9, 9, 9];
const line = (cells: readonly string[]): string =>
  cells.map((cell, i) => (i === 0 ? cell.padEnd(WIDTHS[0]!) : i < WIDTHS.length ? cell.padStart(WIDTHS[i]!) : `  ${cell}`)).join('');
