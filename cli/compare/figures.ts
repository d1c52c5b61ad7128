/** The comparison as text, as JSON, and as a picture; and the figures of papers beside ours. */
import { differences } from './equivalence.ts';
import { PHASES } from './workload.ts';
import { MODULES, SOURCES } from '../../trace/index.ts';
import type { Mode } from './costs.ts';
import type { PhaseResult, WayResult } from './run.ts';
import { sayings } from './same.ts';

/** The measurements for programs: one object per way, with its phases. */
export interface Comparison { readonly kernel: string; readonly cpu: string; readonly ways: readonly WayResult[];
  /** Cycles that reading an entry of a page table is supposed to take. */ readonly walk: number }
/** … where the user names none: an entry in the second-level cache. */
export const WALK = 10;

const TITLES: Readonly<Record<string, string>> = { boot: 'boot', ...Object.fromEntries(PHASES.map((p) => [p.name, p.title])) };
const WIDTH = 24, COLUMN = 17;
const line = (first: string, cells: readonly string[]): string => first.padEnd(WIDTH) + cells.map((c) => c.padStart(COLUMN)).join('');
const short = (n: number): string => n >= 1e6 ? `${(n / 1e6).toFixed(2)} M` : n >= 1e4 ? `${(n / 1e3).toFixed(1)} k`
  : n >= 100 || n <= 0 ? n.toFixed(0) : n.toFixed(n >= 10 ? 1 : 2);
const phaseOf = (way: WayResult, name: string): PhaseResult => way.phases.find((p) => p.name === name)!;

/**
 * Figures of papers for the same kinds of work: Adams and Agesen 2006 (nanobenchmarks), Steinberg and Kauer 2010 (NOVA), Agesen et al.
 * 2012.
 * Their machines differ, so the order counts, not the number.
 */
export const LITERATURE: readonly { readonly phase: string; readonly says: string }[] = [
  {
    phase: 'getpid',
    says: 'Adams and Agesen: a system call runs at native speed under hardware assistance; a software monitor has to reflect it. Here trap '
      + 'and emulate reflects it too, and each access to a CSR on the kernel\'s path traps besides: binary translation, which removes '
      + 'those, was much cheaper.'
  },
  {
    phase: 'fault',
    says: 'Adams and Agesen: a fault costs both software and hardware monitors most where tables are shadowed; with a second stage it is '
      + 'nearly native, as here.'
  },
  {
    phase: 'table',
    says: 'Adams and Agesen: changes of page table entries were the worst of hardware assistance without nested paging. Traced tables show '
      + 'that cost; out-of-sync tables move it to the fence and the hidden fault.'
  },
  {
    phase: 'switch',
    says: 'Adams and Agesen: a change of address space costs an exit where tables are shadowed. Kept spaces by ASID make it one switch of '
      + 'tasks here, not an empty table.'
  },
  {
    phase: 'disk',
    says: 'Steinberg and Kauer, Agesen et al.: device registers exit under every technique; the interrupt path is what trap and emulate '
      + 'adds. Most of a request is the disk\'s own time, and when the guest looks at it again: it may seem faster than native.'
  },
];

export function textOf({ kernel, cpu, ways, walk }: Comparison): string {
  const names = ways.map((w) => w.way), phases = ways[0]!.phases.map((p) => p.name), virtual = ways.filter((w) => w.way !== 'native'),
    out: string[] = [];
  const rows = (title: string, of: (p: PhaseResult) => string, some = ways): void => {
    out.push('', line(title, some.map((w) => w.way)), ...phases.map((name) => line(TITLES[name] ?? name,
      some.map((w) => of(phaseOf(w, name))))));
  };
  out.push(`${kernel} on ${cpu}: ${names.join(', ')}`);
  rows('time of one, ns', (p) => short(p.nsEach));
  out.push('', line('… times native', virtual.map((w) => w.way)),
    ...phases.map((name) => line(TITLES[name] ?? name, virtual.map((w) => (phaseOf(w, name).nsEach / phaseOf(ways[0]!,
      name).nsEach).toFixed(2)))));
  rows('exits of one', (p) => short(p.exits.total / p.n), virtual);
  rows('exits a million instr.', (p) => p.instructions ? short(p.exits.total / p.instructions * 1e6) : '–', virtual);
  rows('instructions in VS', (p) => p.modes ? short(p.modes.vs) : '–', virtual);
  rows('instructions in VU', (p) => p.modes ? short(p.modes.vu) : '–', virtual);
  rows('host CPU s', (p) => p.cpuSeconds.toFixed(2));
  out.push('', ...byCause('exits by cause, all', virtual, (w) => w.phases.map((p) => p.exits.byCause)));
  out.push('', ...byCause('exits by module, all', virtual, (w) => w.phases.map((p) => p.exits.byModule)));
  out.push('', ...modules(virtual), '', ...sources(ways, walk));
  for (const { way, same } of virtual) if (same) out.push('', ...sayings(way, same));
  out.push('', ...sameWords(ways));
  out.push('', ...LITERATURE.filter((l) => phases.includes(l.phase)).map((l) => `${TITLES[l.phase]}. ${l.says}`));
  return `${out.join('\n')}\n`;
}

/** Exits by module for a million instructions of the guest's kernel, and of its programs. */
function modules(ways: readonly WayResult[]): string[] {
  const lines = (mode: Mode): string[] => MODULES.map((module) => line(`  ${module}`, ways.map(({ costs }) => {
    const { instructions, exits } = costs.modes![mode];
    return instructions === 0 ? '–' : short(exits[module] / instructions * 1e6);
  })));
  return [line('exits a million instr.', ways.map((w) => w.way)), "of the guest's kernel", ...lines('kernel'), 'of its programs',
    ...lines('user')];
}
/**
 * Cycles by the six sources. The last one is what the guest executes itself beyond the native run, an instruction a cycle, and the entries
 * of tables that walks read beyond it, at `price` cycles each.
 */
function sources([native, ...virtual]: readonly WayResult[], price: number): string[] {
  const more = ({ costs }: WayResult, of: 'instructions' | 'entries'): number => costs[of] - native!.costs[of];
  return [line('degradation, cycles', virtual.map((w) => w.way)),
    ...SOURCES.map((s) => line(s, virtual.map(({ costs }) => short(costs.sources![s])))),
    line('time elongation', virtual.map((w) => short(more(w, 'instructions') + price * more(w, 'entries')))),
    line('  instructions', virtual.map((w) => short(more(w, 'instructions')))),
    line(`  walks, ${price} an entry`, virtual.map((w) => short(price * more(w, 'entries'))))];
}

/** The guest's output under each technique compared with the native one: the number of equal lines, and the different lines. */
function sameWords([native, ...virtual]: readonly WayResult[]): string[] {
  return virtual.flatMap(({ way, said }) => {
    const { more, less } = differences(native!.said, said), lines = said.split('\n').length;
    return [`what the guest says under ${way}, numbers apart: ${lines} lines, `
      + `${more.length} that it does not say natively, ${less.length} that are missing`,
      ...more.map((l) => `  + ${l}`), ...less.map((l) => `  - ${l}`)];
  });
}

function byCause(title: string, ways: readonly WayResult[], of: (result: WayResult) => readonly Readonly<Record<string, number>>[])
  : string[] {
  const sums = ways.map((way) => {
    const sum: Record<string, number> = {};
    for (const counts of of(way)) for (const [name, n] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + n;
    return sum;
  });
  const names = [...new Set(sums.flatMap((s) => Object.keys(s)))].sort((a,
    b) => Math.max(...sums.map((s) => s[b] ?? 0)) - Math.max(...sums.map((s) => s[a] ?? 0)));
  return [line(title, ways.map((w) => w.way)), ...names.map((name) => line(name, sums.map((s) => short(s[name] ?? 0))))];
}

// ── a picture: for each phase a group of bars, times native, on a logarithmic scale ──

const COLOURS = ['#4878a8', '#e0883c', '#6aa66a', '#b06ab0', '#8a6d3b', '#3a9a9a', '#c04848'] as const;
const PITCH = 78;
const Bar = { left: 190, right: 30, height: 14, gap: 12, width: 760, top: 40 } as const;

export function svgOf({ kernel, ways }: Comparison): string {
  const native = ways[0]!, virtual = ways.slice(1), phases = native.phases.map((p) => p.name),
    group = virtual.length * Bar.height + Bar.gap;
  const factor = (w: WayResult, name: string): number => phaseOf(w, name).nsEach / phaseOf(native, name).nsEach;
  const most = Math.max(10, ...virtual.flatMap((w) => phases.map((name) => factor(w, name)))),
    scale = (Bar.width - Bar.left - Bar.right) / Math.log10(most);
  const x = (f: number): number => Bar.left + Math.max(0, Math.log10(f)) * scale, height = Bar.top + phases.length * group + 40,
    out: string[] = [];
  for (let decade = 1; decade <= most; decade *= 10) {
    out.push(`<line x1="${x(decade)}" x2="${x(decade)}" y1="${Bar.top - 6}" y2="${height - 34}" stroke="#ccc"/><text x="${x(decade)}" y="`
      + `${height - 20}" text-anchor="middle">${decade}</text>`);
  }
  phases.forEach((name, i) => {
    const y = Bar.top + i * group;
    out.push(`<text x="${Bar.left - 8}" y="${y + (virtual.length * Bar.height) / 2 +
      4}" text-anchor="end">${escape(TITLES[name] ?? name)}</text>`);
    virtual.forEach((result, j) => {
      const times = factor(result, name);
      const width = Math.max(1, x(times) - Bar.left).toFixed(1), colour = COLOURS[j % COLOURS.length];
      out.push(`<rect x="${Bar.left}" y="${y + j * Bar.height}" width="${width}" height="${Bar.height - 2}" fill="${colour}">`
        + `<title>${times.toFixed(2)}</title></rect>`);
    });
  });
  virtual.forEach((w, j) => out.push(`<rect x="${Bar.left +
    j * PITCH}" y="10" width="10" height="10" fill="${COLOURS[j % COLOURS.length]}"/><text x="${Bar.left + 14 +
      j * PITCH}" y="19">${escape(w.way)}</text>`));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${Bar.width} ${height}" font-family="sans-serif" font-size="12">\n`
    + `<title>${escape(kernel)}: time, times native</title>\n${out.join('\n')}\n</svg>\n`;
}
const escape = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
