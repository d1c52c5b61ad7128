/** What a submission in TypeScript can do, and cannot: its mistakes are reported with their lines, its tricks earn no points. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findLab } from '../../labs/catalogue.ts';
import type { Verdict } from '../../labs/grading/verdict.ts';
import { grade } from './grade.ts';

const visitor = readFileSync(new URL('../../labs/01-hello-ipc/solution/visitor.ts', import.meta.url), 'utf8');
async function verdict(greeter: string): Promise<Verdict> {
  return (await grade((await findLab('1'))!, new Map([['greeter.ts', greeter], ['visitor.ts', visitor]]), { seed: 'anna' })).verdict;
}
const program = (body: string, before = ''): string =>
  `import { log, Server, Status, answer } from 'tessera';\n${before}\nexport default { name: 'greeter', *main(sys: any, env: any) {\n`
    + `${body}\n} };`;
const seen = (graded: Verdict): string =>
  graded.checks.flatMap((c) => c.findings.map((f) => f.seen)).join('\n') + graded.notes.join('\n') + graded.output.join('\n');

describe('a mistake is told', () => {
  it.each([
    [
      'an endless loop, with its line', program('let n = 0;\nfor (;;) n++;'),
      /an endless loop: more than 5000000 turns without a system call, at greeter.ts:5/
    ],
    ['an endless loop around system calls', program("for (;;) yield* log(sys, env, 'x');"), /20000 system calls: a loop that never ends/],
    ['an exception, with its line', program("\nthrow new Error('oh');"), /oh \(greeter.ts:5\)/],
    ['a yield without its star', program("yield log(sys, env, 'x');"), /write 'yield\*', not 'yield'/],
    [
      'a yield* that was forgotten', program("\n\nlog(sys, env, 'x');"),
      /'log\(…\)' is a system call that is never made: write 'yield\* log\(…\)' \(greeter.ts:6\)/
    ],
    ['a syntax error, with its line', program('\nlet = ;'), /\(greeter.ts:5\)/],
    [
      'an import of what there is not', "import { readFileSync } from 'node:fs';\n" + program("readFileSync('/etc/passwd');"),
      /greeter.ts imports 'node:fs': a lab may import 'tessera' and the files that are handed in/
    ],
    ['a file without a program', 'export const x = 1;', /does not export a program|No matching export/],
    ['an exception at its beginning', "throw new Error('too early');\n" + program(''), /too early \(greeter.ts:1\)/],
    [
      'memory without end', program('const all = [];\nfor (let i = 0; i < 4e6; i++) all.push(new Array(1000).fill(i));'),
      /its process has ended/
    ],
    ['recursion without end', program('const f = (n: number): number => f(n + 1) + 1;\nf(0);'), /Maximum call stack/],
    ['an address that is not mapped', program('sys.memory.u32(0x5000);'), /page|fault|no read mapping/i],
  ])('%s', async (_what, source, words) => {
    const graded = await verdict(source);
    expect(seen(graded)).toMatch(words);
    expect(graded.checks.find((c) => c.id === 'greets')!.passed).toBe(false);
    // The other half of the submission is still graded, where it can run.
    if (!/syntax|import|without a program/.test(_what)) expect(graded.checks.find((c) => c.id === 'asks')!.passed).toBe(true);
  });
});

describe('a trick gets no points', () => {
  const escape = "const out = (f: any) => { try { return f(); } catch (e) { return 'no: ' + e; } };";
  const tricks: [string, string][] = [
    [
      'prints what is expected',
      program("for (const l of ['Hello, Ada!', 'ok', '100 of 100 points']) { console.log(l); yield* log(sys, env, l); }")
    ],
    [
      'prints a verdict',
      program(`console.log(JSON.stringify({ points: 100, of: 100, checks: [{ id: 'greets', passed: true, got: 15 }] }));`)
    ],
    [
      'looks for the process',
      program(`console.log(out(() => typeof process + typeof require)); console.log(out(() => (globalThis as any).process.exit(0)));`,
        escape)
    ],
    [
      'makes code of strings',
      program(`console.log(out(() => new Function('return process')())); console.log(out(() => (function* () {}).constructor('return `
        + `process')())); console.log(out(() => eval('1')));`,
        escape)
    ],
    [
      'climbs out by constructors',
      program(`for (const o of [sys, env, console.log, globalThis, sys.utcb.u32.buffer]) console.log(out(() => (o as `
        + `any).constructor.constructor('return process')().exit(0)));`,
        escape)
    ],
    [
      'climbs out of a full stack',
      program(`let got: any; const f = (): void => { try { f(); } catch (e) { got ??= e; try { sys.memory.u8(0); } catch (x) { got = x; } `
        + `} }; f(); console.log(out(() => got.constructor.constructor('return process')().exit(0)));`,
        escape)
    ],
    [
      'imports what it may not',
      program(`const m = 'node:' + 'fs'; try { (import(m) as any).then((fs: any) => fs.writeFileSync('/tmp/forged', 'x')); } catch (e) { `
        + `console.log(String(e)); }`)
    ],
    [
      'takes the way to the grader',
      program(`console.log(typeof (globalThis as any).exchange, typeof (globalThis as any).turn$); (globalThis as any).exchange?.(new `
        + `Uint8Array([2]), 1, new Uint8Array(9)); (globalThis as any).turn$ = () => {};`)
    ],
    [
      'breaks the language for the grader',
      program(`Array.prototype.map = function () { return [] as any; }; JSON.stringify = () => '{"points":100}'; (Object.prototype as `
        + `any).passed = true; DataView.prototype.setUint8 = function () {}; Uint8Array.prototype.set = function () {};`)
    ],
    [
      'sends rubbish as system calls',
      program(`for (let i = 0; i < 300; i++) { const r = sys.ipc(i, i * 7, NaN, -1); r.flags = i % 2 ? -5 : 1e300; r.cap = NaN; yield r; }`)
    ],
  ];
  it.each(tricks)('%s', async (_what, source) => {
    const graded = await verdict(source);
    for (const check of graded.checks) if (!['asks', 'says', 'status'].includes(check.id)) expect(check.passed, check.id).toBe(false);
    expect(graded.points).toBe(23);
  });
});

it('what a judge does not expect earns nothing, and is said', async () => {
  const lab = (await findLab('1'))!,
    odd = {
      ...lab,
      worlds: (...a: Parameters<typeof lab.worlds>) => lab.worlds(...a).map((w) => ({ ...w, judge: () => { throw new TypeError('odd'); } }))
    };
  const verdict = (await grade(odd, new Map([['greeter.ts', program('')], ['visitor.ts', visitor]]), { seed: 'anna' })).verdict;
  expect(verdict.points).toBe(0);
  expect(seen(verdict)).toContain('the grader cannot make anything of it: odd');
});
