/**
 * A user's scenario with disks, folders and terminals of the host, and GDB for a component. Each works, and a mistake gives one line with
 * the line of the file.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Debuggee, Gdb, hasGdb } from './gdb.ts';
import { root, tessera } from './tessera.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-scenario-devices-')), file = join(folder, 'mine.ts');
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, 'disk.img'), 'on the disk\n'.padEnd(512, 'x'));
mkdirSync(join(folder, 'lent'));
writeFileSync(join(folder, 'lent/in'), 'from the host\n');

interface Parts {
  readonly line: string;
  readonly fields: string;
  readonly options?: string;
  readonly components?: string;
  readonly caps?: string;
}
const PROGRAMS = ['sh', 'cat', 'head', 'tr'];
/** A Unix server that runs a shell line with the scenario's devices, whose fields are on line 13. */
function scenario({ line, fields, options = '', components = '', caps = '' }: Parts): void {
  writeFileSync(file, `import { blockDriver, consoleDriver, consoleMux, defineScenario, filesDriver, uart, unixComponent } from 'tessera';
const line = ${JSON.stringify(line)}, drivers = { blockDriver, consoleDriver, filesDriver };
export default defineScenario({
  name: 'mine', summary: 'a shell with what the host brings', status: 'linux', log: 'console', budget: 20e9,
  components: {
    uart: { program: uart, provides: ['stream'], devices: ['uart'], priority: 150 },
    console: { program: consoleMux, provides: ['stream'], caps: { out: 'uart' }, priority: 140 },
    linux: unixComponent({ argv: ['/bin/sh', '-c', line], env: ['PATH=/bin'], files: ${JSON.stringify(PROGRAMS)}, memory: 24 << 20,
      more: { ${options} } },
      { stdio: 'console', stderr: 'console', ${caps} }),
    ${components}
  },
  ${fields}
  files: { ${PROGRAMS.map((p) => `${p}: '${join(root, 'guests/bin/linux', p)}'`).join(', ')} },
});
`);
}
const boot = (input = ''): ReturnType<typeof tessera> => tessera(['boot', file], { input });

describe("a user's scenario", () => {
  it('has disks: files beside it', async () => {
    scenario({ line: 'head -n 1 /dev/vda', fields: "disks: ['disk.img,ro'],", components: "disk0: drivers.blockDriver('disk0'),",
      caps: "disk0: 'disk0'" });
    const { status, stdout, stderr } = await boot();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('on the disk');
  });
  it('has mounts: folders beside it, which both sides see', async () => {
    scenario({ line: 'cat /lent/in; tr a-z A-Z < /lent/in > /lent/out', fields: "mounts: ['lent:tag'],",
      components: "folder0: drivers.filesDriver('files0'),", caps: "folder0: 'folder0'",
      options: "folders: [{ path: '/lent', cap: 'folder0', source: 'lent', readOnly: false }]" });
    const { status, stdout, stderr } = await boot();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('from the host');
    expect(readFileSync(join(folder, 'lent/out'), 'utf8')).toBe('FROM THE HOST\n');
  });
  it("has terminals: the command's standard input and output, and the console beside them", async () => {
    scenario({ line: 'tr a-z A-Z', fields: 'terminals: 1,', components: "terminal: drivers.consoleDriver('console0')," });
    writeFileSync(file, readFileSync(file, 'utf8').replace("stdio: 'console'", "stdio: 'terminal'"));
    const { status, stdout } = await boot('typed\n');
    expect(status).toBe(0);
    expect(stdout).toContain('TYPED\n');
  });

  it.each<[string, string, number?]>([
    ["disks: ['none.img'],", "disk 'none.img' does not exist; for reading only say FILE,ro (FILE:13)"],
    ["disks: 'disk.img',", 'scenario mine: disks is not a list of texts (FILE:13)'],
    ["mounts: ['none:tag'],", "mounts: 'none' does not exist (FILE:13)"],
    ["mounts: ['lent'],", "is no HOST:TAG[:ro] (FILE:13)"],
    ["nets: ['wire'],", "nets: 'wire' is none of gateway, user, loop, hub, connect, listen (FILE:13)"],
    ["terminals: 'two',", 'scenario mine: terminals is not a whole number (FILE:13)'],
    ['terminals: 12,', 'too many for its 8 slots (FILE:13)', 1],
  ])('with %s is told what is wrong, and where', async (fields, says, ends = 2) => {
    scenario({ line: 'true', fields });
    const { status, stderr } = await boot();
    expect(stderr.replaceAll(file, 'FILE')).toContain(says);
    expect(status).toBe(ends);
    expect(stderr.trim().split('\n').length).toBe(1);
  });
  it('is told which component GDB can look at', async () => {
    scenario({ line: 'true', fields: '' });
    const { stderr } = await tessera(['boot', '--gdb', 'unix:0', file]);
    expect(stderr).toContain("there is no component 'unix'; there are uart, console, linux");
    expect((await tessera(['boot', '--gdb', 'console:0', file])).stderr).toContain("'console' is a TypeScript program");
  });
  it.skipIf(!hasGdb)('stops for GDB before the first instruction of the component that is named', async () => {
    scenario({ line: 'cat /proc/self/comm', fields: '' });
    const run = new Debuggee(process.execPath, [join(root, 'bin/tessera'), 'boot', '--gdb', 'linux:0', file]), gdb = await Gdb.start();
    try {
      run.port = Number((await run.errorMatching(/waiting for gdb on port (\d+)/))[1]);
      expect(await gdb.connect(run)).toContain('0x');
      expect(await gdb.do('info threads')).toMatch(/Thread \d+\.1 "sh"/);
      expect(await gdb.do('x/i $pc')).toContain('=>');
      expect(await gdb.do('continue')).toContain('exited normally');
      await run.until('cat\n');
      expect(await run.ended).toBe(0);
    } finally {
      gdb.end();
      run.end();
    }
  });
});
