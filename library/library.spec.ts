import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { liveFolder } from '../cli/library.ts';
import {
  bootVm, FileTree, guestBytes, MemoryDisk, MemoryFolder, readyScenario, readTar, runProgram, runScenario, scenarioNames, SystemError,
  TraceFile, type ScenarioFile
} from '../index.ts';
import { projectRoot } from '../cli/images/where.ts';

const tool = (name: string): Promise<Uint8Array> => guestBytes(`guests/bin/linux/${name}`);
const refused = (act: () => unknown): string => {
  try { act(); } catch (error) { if (error instanceof SystemError) return error.message; throw error; }
  return '';
};

describe('a program that is run as a library call', () => {
  it('ends with its own status, or that of its signal', async () => {
    expect((await runProgram({ program: await tool('false') })).status).toBe(1);
    const rootfs = new FileTree({ '/bin/sh': await tool('sh'), '/bin/kill': await tool('kill') });
    expect((await runProgram({ program: 'sh', args: ['-c', 'kill -9 $$'], rootfs })).status).toBe(137);
  });

  it('keeps standard output and standard error apart', async () => {
    const { stdout, stderr, status } = await runProgram({ program: await tool('cat'), args: ['/none'] });
    expect([stdout, stderr.includes('/none'), status]).toEqual(['', true, 1]);
  });

  it('repeats from a recording, to the cycle', async () => {
    const program = await tool('wc'), first = runProgram({ program, stdin: 'a b\nc\n', record: true, seed: 9 });
    const { stdout } = await first, again = runProgram({ program, replay: first.recording() });
    expect((await again).stdout).toBe(stdout);
    expect(again.stats()['cycles']).toBe(first.stats()['cycles']);
  });

  it('is read as a web stream, from the first byte on', async () => {
    const run = runProgram({ program: await tool('seq'), args: ['3'] }), decoder = new TextDecoder();
    await run.stdout.waitFor('1\n');
    let text = '';
    for await (const piece of run.stdout.readable as unknown as AsyncIterable<Uint8Array>) text += decoder.decode(piece, { stream: true });
    expect(text).toBe('1\n2\n3\n');
  });

  it('is stopped by a signal, before it starts too, and its promise says why', async () => {
    const program = await tool('spin');
    await expect(runProgram({ program, signal: AbortSignal.abort(new Error('changed my mind')) })).rejects.toThrow('changed my mind');
    expect((await runProgram({ program, maxInstructions: 100_000 })).ending).toBe('limit');
  });

  it('tells a console that ended from one that said something', async () => {
    const run = runProgram({ program: await tool('true') });
    await expect(run.stdout.waitFor('anything')).rejects.toThrow("'anything' did not appear");
  });

  it.each<[string, Parameters<typeof runProgram>[0], RegExp]>([
    ['no program', { program: 'sh' }, /^program 'sh' is not in the guest/],
    ['no ELF file', { program: new TextEncoder().encode('hello') }, /is no ELF program/],
    ['no archive', { program: 'sh', rootfs: Uint8Array.of(1, 2, 3) }, /is not a tar archive/],
    [
      'more than there is', { program: '/a', files: { '/a': { data: '#!/bin/sh', mode: 0o755 } }, memory: '9000M' },
      /at most \d+M are possible/
    ],
    ['not executable', { program: '/a', files: { '/a': { data: '#!/bin/sh', mode: 0o644 } } }, /is not executable/],
  ])('is refused in one sentence when there is %s', (_, options, sentence) => {
    expect(refused(() => runProgram(options))).toMatch(sentence);
  });
});

describe('a folder that the guest sees while it runs', () => {
  it('hold programs, which are looked up when they start', async () => {
    const folder = new MemoryFolder();
    folder.put('own', await guestBytes('guests/bin/linux/uname'), 0o755);
    folder.put('text', 'no program', 0o644);
    const start = (program: string, cwd = '/') => runProgram({ program, cwd, folders: { '/host': folder } });
    expect(await start('/host/own')).toMatchObject({ status: 0, stdout: 'Linux\n' });
    expect(await start('./own', '/host')).toMatchObject({ status: 0, stdout: 'Linux\n' });
    expect(await start('/host/text')).toMatchObject({ status: 126, why: "program '/host/text': is not executable" });
    expect((await start('/host/none')).status).toBe(127);
  });
  it('has what JavaScript puts there meanwhile, and tells what the guest writes', async () => {
    const folder = new MemoryFolder({ 'in/a': 'first\n' }), changed: string[] = [];
    folder.on('changed', (path) => changed.push(path));
    const rootfs = new FileTree({
      '/bin/sh': await tool('sh'), '/bin/cat': await tool('cat'), '/bin/mkdir': await tool('mkdir'), '/bin/rm': await tool('rm'),
      '/bin/ls': await tool('ls')
    });
    const run = runProgram({ program: 'sh', rootfs, folders: { '/host': folder }, stdin: 'open' });
    run.stdin.write('cat /host/in/a\n');
    await run.stdout.waitFor('first');
    folder.put('later.txt', 'put while it runs\n');
    run.stdin.write(
      'cat /host/later.txt; mkdir /host/out; echo made > /host/out/b; echo more >> /host/out/b; rm /host/in/a; ls /host/in; exit\n');
    run.stdin.end();
    const { status, stdout } = await run;
    expect([status, stdout.includes('put while it runs')]).toEqual([0, true]);
    expect(new TextDecoder().decode(folder.get('out/b'))).toBe('made\nmore\n');
    expect([folder.get('in/a'), changed.includes('out/b'), changed.includes('in/a')]).toEqual([undefined, true, true]);
  });

  it('is a folder of this computer on Node: files that either side writes, and none where it may only be read', async () => {
    const base = mkdtempSync(join(tmpdir(), 'tessera-live-')), folder = liveFolder(base), still = liveFolder(base, { readOnly: true });
    try {
      writeFileSync(join(base, 'in'), 'of the host\n');
      const rootfs = new FileTree({ '/bin/sh': await tool('sh'), '/bin/cat': await tool('cat') }),
        script = 'cat /lent/in > /lent/out; (echo no > /still/in) 2>/dev/null || echo refused; cat /still/out',
        clock = Math.floor(Date.now() / 1000);
      const { status, stdout } = await runProgram({
        program: 'sh', args: ['-c', script], rootfs, clock, folders: { '/lent': folder, '/still': still }
      });
      expect([status, stdout, readFileSync(join(base, 'out'), 'utf8')]).toEqual([0, 'refused\nof the host\n', 'of the host\n']);
    } finally {
      folder.close();
      still.close();
      rmSync(base, { recursive: true, force: true });
    }
  });

  it('holds no more than it may', async () => {
    const folder = new MemoryFolder({}, { mostBytes: 20_000 });
    const rootfs = new FileTree({ '/bin/sh': await tool('sh'), '/bin/seq': await tool('seq') });
    await runProgram({ program: 'sh', args: ['-c', 'seq 100000 > /host/big'], rootfs, folders: { '/host': folder } });
    expect([...folder.files().values()].reduce((n, f) => n + f.length, 0)).toBeLessThanOrEqual(20_000);
    expect(() => folder.put('more', new Uint8Array(30_000))).toThrow('ENOSPC');
  });
});

describe('files in memory', () => {
  it('become an archive with folders, links and modes, and the same again when it is read', () => {
    const bytes = new FileTree({ 'a/b/c.txt': 'text', '/a/run': '#!/bin/sh\n', link: { link: 'a/run' }, tmp: { folder: true } }).bytes(),
      files = readTar(bytes)!;
    expect([...files].map(([name, { type, mode, link }]) => [name, type, mode.toString(8), link])).toEqual([
      ['a', '5', '755', ''], ['a/b', '5', '755', ''], ['a/b/c.txt', '0', '644', ''], ['a/run', '0', '755', ''],
      ['link', '2', '777', 'a/run'], ['tmp', '5', '1777', ''],
    ]);
    expect(new TextDecoder().decode(files.get('a/b/c.txt')!.data)).toBe('text');
    expect(() => new FileTree({ '../up': '' })).toThrow('leads upward');
  });
});

describe('a virtual machine that is run as a library call', () => {
  it('has the disk and the network that it is given, and refuses what is no disk', async () => {
    const vm = bootVm({
      kernel: await guestBytes('guests/bin/minios.bin'), append: 'ticks=1', memory: '32M', disks: [new MemoryDisk(4096)],
      networks: ['hub', 'hub']
    });
    expect(await vm).toMatchObject({ status: 0, ending: 'finished', why: '' });
    expect(() => new MemoryDisk(100)).toThrow('512-byte sectors');
  });

  it('runs by trap and emulate on a processor without the H extension, and is refused without', async () => {
    const kernel = await guestBytes('guests/bin/minios.bin'), options = { kernel, append: 'ticks=1', memory: '32M', cpu: 'base,no-h' };
    expect(await bootVm({ ...options, virt: 'trap' })).toMatchObject({ status: 0, ending: 'finished', why: '' });
    expect(await bootVm({ ...options, cpu: 'base,no-h,popf', virt: 'patch' })).toMatchObject({ status: 0, ending: 'finished', why: '' });
    const elf = { ...options, kernel: await guestBytes('guests/bin/minios.elf') };
    const sites = new TextDecoder().decode(await guestBytes('guests/bin/minios.sites'));
    expect(await bootVm({ ...elf, cpu: 'base,no-h,popf', virt: 'pre', sites })).toMatchObject({ status: 0, ending: 'finished', why: '' });
    expect(() => bootVm({ ...elf, virt: 'pre' })).toThrow("needs a list of the kernel's sites");
    expect(await bootVm(options)).toMatchObject({ status: 2, why: expect.stringContaining('no hypervisor extension (H)') as string });
  });
});

describe('the conditions of a scenario', () => {
  const asked = async (change: Partial<ScenarioFile>, options: Partial<Parameters<typeof runScenario>[0]> = {}) => {
    const ready = await readyScenario('hello-ipc');
    return await runScenario({ ...ready, ...options, scenario: { ...ready.scenario, ...change } });
  };
  const calls = 'from:visitor to:greeter kind:call';
  it('are asked of the trace, whether anybody else wants it or not', async () => {
    const to = { write: () => undefined, close: () => undefined };
    for (const trace of [undefined, true, { to }]) {
      expect(await asked({ holds: [{ filter: calls, exactly: 3, why: 'three greetings' }] }, { trace })).toMatchObject({ status: 0 });
      expect(await asked({ holds: [{ filter: calls, exactly: 4, why: 'four greetings' }] }, { trace }))
        .toMatchObject({ status: 1, why: 'does not hold: four greetings (3 records)' });
    }
    expect(await asked({ holds: [{ sql: 'select count(*) from records', atLeast: 5, why: 'records' }] })).toMatchObject({ status: 0 });
  });
  it('name the ending that a run has', async () => {
    const endings = { short: { why: 'the visitor left early', holds: [{ filter: calls, atMost: 3, why: 'few' }] } };
    expect(await asked({ holds: [{ filter: calls, exactly: 4, why: 'four' }], endings }))
      .toMatchObject({ status: 1, named: 'short', why: 'short: the visitor left early' });
  });
  it('that cannot be asked are one sentence: a filter that is none, a trace that was too long to keep', async () => {
    const holds = [{ filter: 'kind:nonsense', why: 'w' }];
    await expect(asked({ holds })).rejects.toThrow(/^scenario hello-ipc: 'w' cannot be asked: /);
    const full = { trace: { maxBytes: 100, to: { write: () => undefined, close: () => undefined } } };
    await expect(asked({ holds: [{ filter: calls, why: 'w' }] }, full)).rejects.toThrow(/was not recorded/);
  });
});

describe('the ready scenarios', () => {
  it('are those of scenarios/', () => {
    const folder = join(projectRoot(), 'scenarios');
    const there = readdirSync(folder).filter((f) =>
      f.endsWith('.ts') && !f.endsWith('.spec.ts') && readFileSync(join(folder, f), 'utf8').includes('export default '));
    expect([...scenarioNames].sort()).toEqual(there.map((f) => f.slice(0, -3)).sort());
  });

  it('run, and their trace is a file', async () => {
    const run = runScenario({ ...(await readyScenario('hello-ipc')), trace: true }), { status, output } = await run;
    expect([status, output.includes('Hello, world!')]).toEqual([0, true]);
    expect(new TraceFile(run.traceBytes()).length).toBe(run.trace.length);
    expect(run.trace.damage).toBeUndefined();
  });

  it('say what they are missing', async () => {
    await expect(readyScenario('vm-boot')).rejects.toThrow("needs 'vmlinuz', 'initramfs'");
    await expect(readyScenario('none')).rejects.toThrow('there are hello-ipc');
  });
});
