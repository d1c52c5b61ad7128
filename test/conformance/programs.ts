/**
 * Runs suites of programs under the Unix server: the Linux Test Project's system calls, the Open POSIX tests, or any folder of built programs, and
 * records how each ended. Programs are static riscv64 ELF files; a list names them where a test needs arguments (LTP's `runtest/syscalls`).
 *
 *   npx tsx test/conformance/programs.ts CHECKOUT [--list FILE] [--only NAME,…] [--seconds N] [--batch N] [--out FILE] [--record SUITE --revision COMMIT]
 *
 * Each batch is one server; a test that the server does not survive is known by that. Exit status 1 if a test fails.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { record } from './record.ts';

const TESSERA = fileURLToPath(new URL('../../bin/tessera', import.meta.url));
const ROOTFS = fileURLToPath(new URL('../../images/rootfs', import.meta.url));

/** LTP's results are bits of the exit status. */
const FAIL = 1, BROK = 2, WARN = 4, CONF = 32;
export type Outcome = 'pass' | 'fail' | 'broken' | 'skipped' | 'hangs' | 'killed' | 'lost';
function outcomeOf(status: number): Outcome {
  if (status === 143 || status === 124) return 'hangs';
  if (status > 128) return 'killed';
  if (status & FAIL) return 'fail';
  if (status & BROK) return 'broken';
  return status === 0 || status === WARN ? 'pass' : status & CONF ? 'skipped' : 'fail';
}

export interface Test { readonly name: string; readonly command: string }
/** Lines of a runtest file: a name and the command; comments start with #. */
export const testsIn = (list: string): Test[] => list.split('\n').flatMap((line) => {
  const m = /^([^#\s]\S*)\s+(.+)$/.exec(line.trim());
  return m ? [{ name: m[1]!, command: m[2]! }] : [];
});
function programsIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((e) => {
    const path = join(folder, e.name);
    if (e.isDirectory()) return programsIn(path);
    return e.isFile() && statSync(path).mode & 0o111 && readFileSync(path).subarray(0, 20).equals(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0xf3, 0)) ? [path] : [];
  });
}

/** The guest's side: each test in a folder of its own, its last lines and its status between marks. */
const scriptOf = (tests: readonly Test[], seconds: number): string => `export PATH=/t:$PATH LTPROOT=/t TMPDIR=/tmp LTP_COLORIZE_OUTPUT=n KCONFIG_SKIP_CHECK=1
${tests.map((t, i) => `mkdir -p /tmp/w${i}; cd /tmp/w${i}; (timeout ${seconds} ${t.command}) > /tmp/out 2>&1 < /dev/null; s=$?; grep -a -E 'TFAIL|TBROK|TCONF' /tmp/out | head -n 3; echo "@@@ ${t.name} $s"; cd /; rm -rf /tmp/w${i}`).join('\n')}
`;
export interface Ended { readonly name: string; readonly outcome: Outcome; readonly says: string }
export function readMarks(output: string, tests: readonly Test[]): Ended[] {
  const found = new Map<string, Ended>();
  let says: string[] = [];
  for (const line of output.split('\n')) {
    const m = /^@@@ (\S+) (\d+)$/.exec(line);
    if (!m) { if (/T(FAIL|BROK|CONF)/.test(line)) says.push(line.trim()); continue; }
    found.set(m[1]!, { name: m[1]!, outcome: outcomeOf(Number(m[2])), says: says[0]?.replace(/^.*?(T(?:FAIL|BROK|CONF))/, '$1') ?? '' });
    says = [];
  }
  return tests.map((t) => found.get(t.name) ?? { name: t.name, outcome: 'lost', says: '' });
}

function main(): void {
  const { values: o, positionals: [checkout] } = parseArgs({ allowPositionals: true, options: { list: { type: 'string' }, only: { type: 'string' }, seconds: { type: 'string', default: '60' }, batch: { type: 'string', default: '20' }, out: { type: 'string' }, record: { type: 'string' }, revision: { type: 'string' } } });
  if (!checkout) throw new Error('usage: programs.ts CHECKOUT [--list FILE] …');
  const programs = new Map(programsIn(checkout).map((p) => [basename(p), p])), only = o.only && new Set(o.only.split(','));
  const all = o.list ? testsIn(readFileSync(o.list, 'utf8')) : [...programs.keys()].map((name) => ({ name, command: name }));
  const tests = all.filter((t) => (!only || only.has(t.name)) && programs.has(t.command.split(/\s/)[0]!));
  const ended: Ended[] = [], size = Number(o.batch);
  for (let i = 0; i < tests.length; i += size) {
    const part = tests.slice(i, i + size), root = mkdtempSync(join(tmpdir(), 'programs-'));
    try {
      execFileSync('cp', ['-a', `${ROOTFS}/.`, root]);
      mkdirSync(join(root, 't'));
      for (const name of new Set(part.flatMap((t) => [...programs.keys()].filter((p) => p === t.command.split(/\s/)[0] || p.startsWith(`${t.command.split(/\s/)[0]!}_`) || (p.startsWith(t.name.replace(/\d+$/, '')) && p.includes('child')))))) cpSync(programs.get(name)!, join(root, 't', name));
      for (const s of ['tst_timeout_kill']) if (existsSync(join(checkout, 'testcases/lib', s))) cpSync(join(checkout, 'testcases/lib', s), join(root, 't', s));
      writeFileSync(join(root, 't/run.sh'), scriptOf(part, Number(o.seconds)));
      const run = spawnSync(TESSERA, ['run', '--rootfs', root, 'sh', '/t/run.sh'], { input: '', maxBuffer: 1 << 28, timeout: 1000 * Number(o.seconds) * part.length });
      for (const e of readMarks(run.stdout.toString('latin1'), part)) { ended.push(e); console.log(`${e.outcome.padEnd(8)} ${e.name}  ${e.says}`); }
    } finally { rmSync(root, { recursive: true, force: true }); }
  }
  const count = (...kinds: Outcome[]): number => ended.filter((e) => kinds.includes(e.outcome)).length;
  const failed = count('fail', 'broken', 'hangs', 'killed', 'lost');
  console.log(`${count('pass')} passed, ${failed} failed, ${count('skipped')} skipped`);
  if (o.out) writeFileSync(o.out, `${ended.map((e) => `${e.outcome} ${e.name}  ${e.says}`).join('\n')}\n`);
  if (o.record) record({ suite: o.record, revision: o.revision ?? '?', command: `npx tsx test/conformance/programs.ts CHECKOUT${o.list ? ` --list CHECKOUT/runtest/${basename(o.list)}` : ''}`, passed: count('pass'), failed, skipped: count('skipped'), left: [], covers: [] });
  process.exitCode = failed > 0 ? 1 : 0;
}
if (process.argv[1] === fileURLToPath(import.meta.url)) main();
