/** Mistakes with programs and scenario files give one line that says what, where, and what to do. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { nativeProgram } from '../labs/grading/assembly.ts';
import { interpreterOf, withSymbol } from '../cli/symbol.ts';
import { tessera } from './tessera.ts';

const work = mkdtempSync(join(tmpdir(), 'tessera-mistakes-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

function file(name: string, contents: Uint8Array | string): string {
  const path = join(work, name);
  writeFileSync(path, contents);
  chmodSync(path, 0o755);
  return path;
}
const program = (name: string, source: string, change: (elf: DataView) => void = () => {}): string => {
  const elf = nativeProgram(name, source);
  change(new DataView(elf.buffer));
  return file(name, elf);
};
/** A program whose first header names an interpreter instead of memory. */
const dynamic = (): string => {
  const elf = nativeProgram('d', '_start: nop\n.asciz "/lib/ld-nobody.so.1"'), all = new Uint8Array(elf.length + 56);
  all.set(elf);
  const view = new DataView(all.buffer);
  view.setUint16(56, 2, true);
  all.copyWithin(120, 64, 120);
  view.setUint32(64, 3, true);
  view.setBigUint64(72, 4100n, true);
  view.setBigUint64(96, 20n, true);
  return file('dynamic', all);
};
const scenario = (name: string, text: string): string =>
  file(name,
    `import { defineScenario, log } from 'tessera';\nexport default defineScenario({ name: 'n', summary: 's', ram: '48M', budget: 1e8,\n`
      + `  ${text} });\n`);
const boots = (name: string, elf: string): string =>
  scenario(name, `components: { n: { program: { elf: 'n' } } }, files: { n: ${JSON.stringify(elf)} }`);

describe('tessera run', () => {
  it.each([
    ['a store', '_start: li a0, 16\n sd zero, 8(a0)', 139, /the program died of SIGSEGV: store to 0x18, at pc 0x10004/],
    ['a load', '_start: li a0, 64\n ld a0, 0(a0)', 139, /died of SIGSEGV: load from 0x40, at pc 0x10004/],
    ['a jump', '_start: li a0, 64\n jr a0', 139, /died of SIGSEGV: jump to 0x40, at pc 0x40/],
    ['no instruction', '_start: .word 0', 132, /died of SIGILL: instruction, at pc 0x10000/],
  ])('says what a program died of: %s', async (_what, source, status, line) => {
    const run = await tessera(['run', program('died', source)]);
    expect(run.stderr).toMatch(line);
    expect(run.status).toBe(status);
  });
  it('names the interpreter that a dynamically linked program needs', async () => {
    const run = await tessera(['run', dynamic()]);
    expect(run.stderr).toContain('is dynamically linked: it needs \'/lib/ld-nobody.so.1\', which a guest without --rootfs does not have; ');
    expect(run.stderr).toMatch(/give a root file system that has it \(--rootfs images\/rootfs\), or link the program with -static\n$/);
    expect(run.stderr).toContain('E_PROGRAM: program \'');
    expect(run.status).toBe(126);
  });
  it('tells an option that stands behind the program', async () => {
    const run = await tessera(['run', 'nowhere', '--rootfs', 'images/rootfs']);
    expect(run.stderr).toContain("'--rootfs' stands behind the program and is the program's: write the options of tessera run before it");
    expect(run.status).toBe(127);
  });
});

describe('a native component', () => {
  it.each([
    [
      'faults', '_start: li a0, 16\n sd zero, 8(a0)', undefined,
      /n crashed with status 139: fault: store to 0x18, where it may not, at pc 0x10004/, 139
    ],
    ['jumps away', '_start: li a0, 64\n jr a0', undefined, /fault: jump to 0x40, where it may not, at pc 0x40/, 139],
    ['has no such instruction', '_start: .word 0', undefined, /fault: illegal instruction 0x[0-9a-f]*, at pc 0x10000/, 139],
    [
      'is linked to the wrong address', '_start: nop', (d: DataView) => d.setBigUint64(80, 1n << 40n, true),
      /wants memory at 0x10000000000, outside of what programs have \(0x1000 to 0x2000000000\): give the linker another address/, 1
    ],
    [
      'is position independent', '_start: nop', (d: DataView) => d.setUint16(16, 3, true),
      /is not a static executable: link it with -static -no-pie/, 1
    ],
  ])('that %s is told', async (name, source, change, line, status) => {
    const elf = program('native', source, change), run = await tessera(['boot', boots(`${name.replace(/\W/g, '')}.ts`, elf)]);
    expect(run.stderr).toMatch(line);
    expect(run.status).toBe(status);
  });
});

describe('a scenario file', () => {
  it('that forgets a yield* is warned of, with the line', async () => {
    const path = file('forgot.ts',
      "import { defineScenario, log, type Program } from 'tessera';\nconst p: Program = { name: 'p', *main(sys, env) {\n"
        + "  log(sys, env, 'never');\n  yield* log(sys, env, 'said');\n} };\nexport default defineScenario({ name: 'n', summary: 's', "
        + "components: { p: { program: p } }, ram: '48M' });\n");
    const run = await tessera(['boot', path]);
    expect(run.stderr).toContain("tessera: warning: 'log(…)' is a system call that is never made: write 'yield* log(…)' (forgot.ts:3)");
    expect(run.stdout).toContain('[p] said');
    expect(run.status).toBe(0);
  });
  it('has its types checked on request', async () => {
    const path = file('typed.ts',
      "import { defineScenario } from 'tessera';\nexport default defineScenario({ name: 'n', summary: 's', components: { p: { program: { "
        + "name: 'p', *main() { const x: string = 5; void x; } } } }, ram: '48M' });\n");
    expect((await tessera(['boot', path, '--types'])).stderr)
      .toMatch(/E_TYPES: Type 'number' is not assignable to type 'string' \(typed.ts:2\)/);
    expect((await tessera(['boot', path])).status).toBe(0);
  });
  it('of a name that there is not: the nearest is named', async () => {
    expect((await tessera(['boot', 'getpdi'])).stderr).toContain("there is no scenario 'getpdi'; did you mean 'getpid'?");
  });
});

describe('addresses', () => {
  it('are left alone where there are no symbols, and files that are none have no interpreter', () => {
    expect(withSymbol('died at pc 0x10004', nativeProgram('x', '_start: nop'))).toBe('died at pc 0x10004');
    expect(withSymbol('no address', undefined)).toBe('no address');
    expect(interpreterOf(new Uint8Array(10))).toBeUndefined();
    expect(interpreterOf(nativeProgram('x', '_start: nop'))).toBeUndefined();
  });
});
