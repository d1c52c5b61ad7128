/**
 * Runs suites of programs under the Unix server: the Linux Test Project's system calls, the Open POSIX tests, or any folder of built
 * programs, and records how each ended. Programs are static riscv64 ELF files; a list names them where a test needs arguments (LTP's
 * `runtest/syscalls`).
 *
 *   npx tsx test/conformance/programs.ts FOLDER [--list FILE] [--only NAME,…|@FILE] [--part K/N] [--seconds N] [--batch N] [--out FILE]
 *       [--linux] [--against FILE] [--statuses ltp|posix] [--tessera COMMAND] [--record SUITE --revision COMMIT]
 *
 * --linux runs them on Debian's kernel in QEMU instead, with the same root. --against names a file of an earlier run (on Linux): it lists
 * tests that passed there and do not pass here, where a skipped test counts as failed. Each batch runs on one server; when a test ends the
 * server, a new server continues after it. Exit status 1 if a test fails, or is behind Linux in a comparison.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, linkSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runOnLinux } from './linux.ts';
import { record } from './record.ts';
import { readOptions } from '../tool.ts';

const TESSERA = fileURLToPath(new URL('../../bin/tessera', import.meta.url));
const ROOTFS = fileURLToPath(new URL('../../images/rootfs', import.meta.url));

/** The longest that a batch may take, ms of the host: a system that does not end is lost. */
const LONGEST = 1_800_000;
/** LTP's results are bits of the exit status. */
const FAIL = 1, BROK = 2, WARN = 4, CONF = 32;
export type Outcome = 'pass' | 'fail' | 'broken' | 'skipped' | 'hangs' | 'killed' | 'lost';
/** Those of the Open POSIX tests: failed, unresolved, unsupported, untested. */
const POSIX: Readonly<Record<number, Outcome>> = { 0: 'pass', 1: 'fail', 2: 'broken', 4: 'skipped', 5: 'skipped' };
function outcomeOf(status: number, posix: boolean): Outcome {
  if (status === 143 || status === 124) return 'hangs';
  if (status > 128) return 'killed';
  if (posix) return POSIX[status] ?? 'fail';
  if (status & FAIL) return 'fail';
  if (status & BROK) return 'broken';
  return status === 0 || status === WARN ? 'pass' : status & CONF ? 'skipped' : 'fail';
}

export interface Test { readonly name: string; readonly command: string }
/** Lines of a runtest file: a name and the command; comments start with #. */
export const testsIn = (list: string): Test[] => list.split('\n').flatMap((line) => {
  const match = /^([^#\s]\S*)\s+(.+)$/.exec(line.trim());
  return match ? [{ name: match[1]!, command: match[2]! }] : [];
});
/** \x7fELF, 64 bits, little-endian; an executable for RISC-V. */
const isProgram = (path: string): boolean => {
  const head = readFileSync(path).subarray(0, 20);
  return head.length === 20 && head.readUInt32BE(0) === 0x7f454c46 && head.readUInt16LE(16) === 2 && head.readUInt16LE(18) === 0xf3;
};
function programsIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return programsIn(path);
    return entry.isFile() && statSync(path).mode & 0o111 && isProgram(path) ? [path] : [];
  });
}

/**
 * The guest's side: each test starts in the folder of the programs (and creates its own folder); marks enclose its first messages and its
 * status.
 */
export const scriptOf = (tests: readonly Test[], seconds: number): string =>
  `export PATH=/t:$PATH LTPROOT=/t TMPDIR=/tmp LTP_COLORIZE_OUTPUT=n KCONFIG_SKIP_CHECK=1
mkdir -p /dev/shm /tmp; chmod 1777 /tmp
${tests.map((t) => `cd /t; (timeout -s KILL ${seconds} ${t.command}) > /tmp/out 2>&1 < /dev/null; s=$?; ` +
  `grep -a -E 'TFAIL|TBROK|TCONF' /tmp/out | head -n 3; echo "@@@ ${t.name} $s"; rm -rf /tmp/LTP* /tmp/out`).join('\n')}
`;
export interface Ended { readonly name: string; readonly outcome: Outcome; readonly says: string }
/** A status of 137 is that of the time-out's kill: the test hangs. */
export function readMarks(output: string, posix = false): Ended[] {
  const found: Ended[] = [];
  let says: string[] = [];
  for (const line of output.split('\n')) {
    const match = /^@@@ (\S+) (\d+)\r?$/.exec(line);
    if (!match) { if (/T(FAIL|BROK|CONF)/.test(line)) says.push(line.trim()); continue; }
    const status = Number(match[2]),
      first = (says.find((s) => /TFAIL|TBROK/.test(s)) ?? says[0])?.replace(/^.*?(T(?:FAIL|BROK|CONF))/, '$1') ?? '';
    found.push({ name: match[1]!, outcome: status === 137 ? 'hangs' : outcomeOf(status, posix), says: first });
    says = [];
  }
  return found;
}
/** Results of an earlier run: "outcome name  what it said". */
export const readResults = (text: string): Ended[] => text.split('\n').flatMap((line) => {
  const match = /^(\S+)\s+(\S+)\s*(.*)$/.exec(line);
  return match ? [{ outcome: match[1] as Outcome, name: match[2]!, says: match[3]! }] : [];
});

/** Runs a batch to its end: where the system ends early, the test under way counts as lost, and another system continues after it. */
function runBatch(tests: readonly Test[], seconds: number, posix: boolean, run: (script: string) => string,
    tell: (e: Ended) => void): void {
  for (let rest = tests; rest.length > 0;) {
    const ended = readMarks(run(scriptOf(rest, seconds)), posix);
    ended.forEach(tell);
    if (ended.length >= rest.length) return;
    tell({ name: rest[ended.length]!.name, outcome: 'lost', says: '' });
    rest = rest.slice(ended.length + 1);
  }
}
/** The root of all batches: the image's, with the programs of the suite as links. */
function rootWith(programs: Iterable<string>): string {
  const root = mkdtempSync(join(tmpdir(), 'programs-'));
  execFileSync('cp', ['-a', `${ROOTFS}/.`, root]);
  mkdirSync(join(root, 't'));
  for (const program of programs) {
    const to = join(root, 't', basename(program));
    try { linkSync(program, to); } catch { copyFileSync(program, to); }
  }
  return root;
}
/** The programs of these tests, and those with the same prefix, which some of them run: an initramfs has no room for all. */
function helpersOf(tests: readonly Test[], programs: ReadonlyMap<string, string>): string[] {
  const stems = new Set(tests.map((t) => t.command.split(/\s/)[0]!.replace(/\d.*$/, '')));
  const stemsOf = (name: string): string[] => [name, name.replace(/(\d|_).*$/, ''), name.replace(/(\d|_child).*$/, '')];
  return [...programs].filter(([name]) => stemsOf(name).some((x) => stems.has(x))).map(([, path]) => path);
}
function compare(ended: readonly Ended[], linux: readonly Ended[]): number {
  const here = new Map(ended.map((e) => [e.name, e])), passing = linux.filter((l) => l.outcome === 'pass' && here.has(l.name));
  const behind = passing.filter((l) => here.get(l.name)!.outcome !== 'pass');
  for (const ended of behind) console.log(`behind: ${here.get(ended.name)!.outcome} ${ended.name}  ${here.get(ended.name)!.says}`);
  console.log(`Linux passes ${passing.length}; of these pass here: ${passing.length - behind.length} (${(
    100 - (100 * behind.length) / passing.length).toFixed(1)} %)`);
  return behind.length;
}

function main(): void {
  const { values: options, positionals: [folder] } = readOptions(import.meta.filename, { allowPositionals: true, options: {
    list: { type: 'string' }, only: { type: 'string' }, part: { type: 'string', default: '1/1' },
      seconds: { type: 'string', default: '60' }, batch: { type: 'string', default: '40' },
    memory: { type: 'string', default: '2G' }, out: { type: 'string' }, linux: { type: 'boolean', default: false },
      against: { type: 'string' }, statuses: { type: 'string', default: 'ltp' },
      tessera: { type: 'string', default: TESSERA }, record: { type: 'string' }, revision: { type: 'string', default: '?' },
  } });
  if (!folder) throw new Error('usage: programs.ts FOLDER [--list FILE] …');
  const programs = new Map(programsIn(folder).map((p) => [basename(p), p]));
  const names = options.only?.startsWith('@') ? readFileSync(options.only.slice(1), 'utf8') : options.only;
  const only = names && new Set(names.split(/[,\s]+/));
  const all = options.list ? testsIn(readFileSync(options.list, 'utf8')) : [...programs.keys()].map((name) => ({ name, command: name }));
  const [k, n] = options.part.split('/').map(Number) as [number, number];
  const tests = all.filter((t) => (!only || only.has(t.name)) && programs.has(t.command.split(/\s/)[0]!)).filter((_, i) => i % n === k - 1);
  const ended: Ended[] = [], size = Number(options.batch), seconds = Number(options.seconds),
    root = rootWith(helpersOf(tests, programs));
  const tell = (e: Ended): void => { ended.push(e); console.log(`${e.outcome.padEnd(8)} ${e.name}  ${e.says}`); };
  const here = (script: string): string => {
    writeFileSync(join(root, 't/run.sh'), script);
    return spawnSync(options.tessera, ['run', '--memory', options.memory, '--clock', 'host', '--rootfs', root, 'sh', '/t/run.sh'],
      { input: '', maxBuffer: 1 << 28, timeout: LONGEST, encoding: 'latin1', stdio: ['pipe', 'pipe', 'inherit'] }).stdout;
  };
  try {
    for (let i = 0; i < tests.length; i += size) runBatch(tests.slice(i, i + size), seconds, options.statuses === 'posix',
      options.linux ? (script) => runOnLinux(root, script) : here, tell);
  } finally { rmSync(root, { recursive: true, force: true }); }
  const count = (...kinds: Outcome[]): number => ended.filter((e) => kinds.includes(e.outcome)).length;
  const failed = count('fail', 'broken', 'hangs', 'killed', 'lost');
  console.log(`${count('pass')} passed, ${failed} failed, ${count('skipped')} skipped`);
  if (options.out) writeFileSync(options.out, `${ended.map((e) => `${e.outcome} ${e.name}  ${e.says}`).join('\n')}\n`);
  const behind = options.against ? compare(ended, readResults(readFileSync(options.against, 'utf8'))) : failed;
  const command = `npx tsx test/conformance/programs.ts FOLDER${options.list ? ` --list CHECKOUT/runtest/${basename(options.list)}` : ''}`;
  const { record: suite, revision } = options;
  if (suite) record({ suite, revision, command, passed: count('pass'), failed, skipped: count('skipped'), left: [], covers: [] });
  process.exitCode = behind > 0 ? 1 : 0;
}
if (process.argv[1] === fileURLToPath(import.meta.url)) main();
