/**
 * `npx tsx bench/costs.ts [--linux] [--only PART]`: the cost of system calls on Linux, in the Unix server directly on the machine, and in
 * the same server above the microkernel, and its growth with bytes. Writes the tables of docs/costs.md and the picture
 * docs/pictures/slopes.svg.
 *
 * Linux is measured only with --linux (bench/measured.json stores the result), which needs images and half a minute.
 * With --only only one part of the page is made: calls, rates, calibration, sensitivity, monitor, slopes.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RATES } from '../roottask/client/rates.ts';
import { cyclesOf, median, offBy, OUT, predict, type Calibration, type Cycles } from './fit.ts';
import { aboveKernel, onLinux, onMachine, root } from './inside.ts';
import { chart, least, linesOf, type Points } from './slopes.ts';
import { answerHelp } from '../test/tool.ts';

answerHelp(import.meta.filename);

const MOST = String(100 << 20), MEASURED = join(root, 'bench/measured.json'), PAGE = join(root, 'docs/costs.md');
interface Measured { readonly build: number; readonly slopes: Points }
const found = JSON.parse(readFileSync(join(root, 'bench/calibration.json'), 'utf8')) as Calibration;

if (process.argv.includes('--linux')) {
  // By then the kernel has finished its start-up work.
  const [, first, second, , build] = onLinux(['costs > /dev/null', `slopes ${MOST}`, `slopes ${MOST}`, 'build > /dev/null', 'build']);
  writeFileSync(MEASURED, `${JSON.stringify({ build: cyclesOf(build!)['build'], slopes: least(linesOf(first!), linesOf(second!)) })}\n`);
}
const linux = JSON.parse(readFileSync(MEASURED, 'utf8')) as Measured;

// ── what a system call costs ───────────────────────────────────────────────────────────────────────────────────────────

const ROWS: readonly (readonly [what: string, op: string, per: number])[] = [
  ['`getppid`', 'getppid', 1], ['`read` of 1 byte', 'read_1', 1], ['`read` of 4 KiB', 'read_4k', 1], ['`read` of 1 MiB', 'read_1m', 1],
  ['`write` of 4 KiB', 'write_4k', 1], ['`stat`', 'stat_1', 1],
  ['`open` and `close`', 'open_close', 1], ['a page, touched the first time', 'touch_256', 256],
  ['pipe, there and back between processes', 'pipe_pingpong', 1],
  ['`fork`, `exit`, `wait`', 'fork', 1], ['the same with 16 MiB', 'fork_16m', 1], ['`fork`, `exec`, `exit`, `wait`', 'forkexec', 1],
  ['signal to oneself, handler, return', 'signal', 1],
];
const whole = (n: number): string => Math.round(n).toLocaleString('en');
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [`| ${head.join(' | ')} |`, `|---|${'--:|'.repeat(head.length - 1)}`, ...rows.map((r) => `| ${r.join(' | ')} |`)].join('\n');

/** Entries into the microkernel and address-space switches of one operation: the difference that one more round of all operations makes. */
async function counted(op: string): Promise<readonly [number, number]> {
  const once = await aboveKernel(['/bin/costs', op]), twice = await aboveKernel(['/bin/costs', op, '2']),
    times = Number(once.said.trim().split(' ')[1]);
  return [(twice.entries - once.entries) / times, (twice.switches - once.switches) / times];
}
async function calls(): Promise<string> {
  const alone = cyclesOf(onMachine(['/bin/costs'])), above = cyclesOf((await aboveKernel(['/bin/costs'])).said), rows: string[][] = [];
  for (const [what, op, per] of ROWS) {
    const [entries, switches] = await counted(op), native = found.linux[op]! / per, bare = alone[op]! / per, k = above[op]! / per;
    rows.push([
      what, whole(native), whole(bare), whole(k), (k / native).toFixed(2), ((entries / per).toFixed(entries < 10 * per ? 1 : 0)),
      ((switches / per).toFixed(switches < 10 * per ? 1 : 0))
    ]);
  }
  const bare = cyclesOf(onMachine(['/bin/build']))['build']!, built = await aboveKernel(['/bin/build']),
    hosted = cyclesOf(built.said)['build']!;
  rows.push([
    'building a small project', whole(linux.build), whole(bare), whole(hosted), (hosted / linux.build).toFixed(2),
    whole(built.entries), whole(built.switches)
  ]);
  return table([
    'cycles of', 'Linux', 'server on the machine', 'server above the microkernel', 'above / Linux', 'kernel entries', 'switches of space'
  ],
    rows);
}

// ── calibration ────────────────────────────────────────────────────────────────────────────────────────────────────────

function calibration(): string {
  const names = Object.keys(found.linux), kept = names.filter((n) => !(n in OUT)), rows: string[][] = [];
  for (const name of names) {
    const predicted = predict(name, found, RATES), half = name in OUT ? 'out' : kept.indexOf(name) % 2 === 0 ? 'fitted' : 'held out';
    rows.push([`\`${name}\``, whole(found.linux[name]!), whole(predicted), (predicted / found.linux[name]!).toFixed(2), half]);
  }
  const off = (half: number): number[] => kept.filter((_, i) => i % 2 === half).map((n) =>
    offBy(predict(n, found, RATES), found.linux[n]!)),
    line = (o: number[]): string => `median ${median(o).toFixed(2)}, worst ${Math.max(...o).toFixed(2)}`;
  return `Of ${names.length} operations, ${off(0).length} are fitted (${line(off(0))}), ${off(1).length} held out (${line(off(1))}).\n\n`
    + Object.entries(OUT).map(([name, why]) => `Out: \`${name}\`: ${why}.\n`).join('') + '\n'
    + table(['operation', 'Linux', 'predicted', 'quotient', 'half'], rows);
}
function rates(): string {
  const said = new Map([
    ...readFileSync(join(root, 'roottask/client/rates.ts'), 'utf8').matchAll(/\/\*\* (.*) \*\/\n {2}(\w+):/g)
  ].map(([, text, name]) => [name!, text!]));
  return table(['rate', 'cycles', 'fitted', 'for'],
    Object.entries(RATES).map(([name, cycles]) => [
      `\`${name}\``, String(cycles), String(found.rates[name as keyof typeof RATES]), said.get(name) ?? ''
    ]));
}

// ── sensitivity of what the kernel's costs only estimate ───────────────────────────────────────────────────────────────

/** The output of bench/sensitive.ts, which is a process of its own. */
function changedBy(...words: readonly string[]): Cycles {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', join(root, 'bench/sensitive.ts'), ...words],
    { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return cyclesOf(stdout);
}
const percent = (changed: number, normal: number): string => `${((changed / normal - 1) * 100).toFixed(1)} %`;
function sensitivity(): string {
  const ops = ['getppid', 'pipe_pingpong', 'touch_256', 'fork_1m', 'forkexec'], normal = changedBy('1', ...ops);
  return table(['microkernel/costs.ts', ...ops.map((o) => `\`${o}\``)], [['half', '0.5'], ['double', '2']].map(([name, factor]) => {
    const changed = changedBy(factor!, ...ops);
    return [`all estimates ${name}`, ...ops.map((op) => percent(changed[op]!, normal[op]!))];
  }));
}
function monitor(): string {
  const normal = changedBy('monitor', '1'), names = Object.keys(normal);
  const rows = [['half', '0.5'], ['double', '2'], ['as counted', 'counted']].map(([name, factor]) => {
    const changed = changedBy('monitor', factor!);
    return [name!, ...names.map((op) => percent(changed[op]!, normal[op]!))];
  });
  return table(['vmm/costs.ts', ...names.map((n) => n.replace('_', ', '))],
    [['cycles, as they are', ...names.map((op) => whole(normal[op]!))], ...rows]);
}

// ── the page ───────────────────────────────────────────────────────────────────────────────────────────────────────────

let page = readFileSync(PAGE, 'utf8');
function put(name: string, text: string): void {
  const begin = `<!-- ${name}: npx tsx bench/costs.ts -->`, end = `<!-- end of ${name} -->`, from = page.indexOf(begin),
    to = page.indexOf(end);
  if (from < 0 || to < 0) throw new Error(`docs/costs.md has no place for ${name}`);
  page = `${page.slice(0, from + begin.length)}\n\n${text.trim()}\n\n${page.slice(to)}`;
}
async function slopes(): Promise<void> {
  const alone = linesOf(onMachine(['/bin/slopes', MOST])), above = linesOf((await aboveKernel(['/bin/slopes', MOST])).said);
  writeFileSync(join(root, 'docs/pictures/slopes.svg'),
    chart([['Linux', linux.slopes], ['server on the machine', alone], ['server above the microkernel', above]]));
}
const parts: Readonly<Record<string, () => string | Promise<string>>> = { calls, rates, calibration, sensitivity, monitor };
const at = process.argv.indexOf('--only'), only = at < 0 ? undefined : process.argv[at + 1];
if (only !== undefined && only !== 'slopes' && !(only in parts)) throw new Error(`--only: one of ${Object.keys(parts).join(', ')}, slopes`);
for (const [name, part] of Object.entries(parts)) if (only === undefined || only === name) put(name, await part());
writeFileSync(PAGE, page);
if (only === undefined || only === 'slopes') await slopes();
