/** Drivers as tasks on the real machine: virtio console with input and end of file, virtio disk, UART behind the multiplexer. */
import { describe, expect, it } from 'vitest';
import { consoleMux, uart, type Host, type Program, type Result, type Scenario } from '../index.ts';
import { bootScenario } from './audited.ts';
import type { BlockBackend } from '../machine/index.ts';
import { Ops, type Sys } from '../microkernel/abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import { allocate, exit, log, openBlock, openConsole, openRom, valueOf, type Env } from '../roottask/client/index.ts';
import { blockDriver, consoleDriver } from '../scenarios/devices.ts';

const text = (b: Uint8Array): string => new TextDecoder().decode(b);
const bytes = (s: string): Uint8Array => new TextEncoder().encode(s);

type Script = (s: ReturnType<typeof bootScenario>, out: Record<string, string>) => void;
async function run(components: Scenario['components'], host: Partial<Host> = {}, script?: Script,
    more: Partial<Scenario> = {}): Promise<{ out: Record<string, string>; result: Result; kernelLog: string[] }> {
  const out: Record<string, string> = {}, kernelLog: string[] = [];
  const system = bootScenario({ name: 'test', summary: '', components, budget: 20e9, ...more },
    { output: (c, b) => { out[c] = (out[c] ?? '') + text(b); }, kernelLog: l => kernelLog.push(l), ...host });
  script?.(system, out);
  return { out, result: await system.run(), kernelLog };
}
const program = (main: Program['main']): Program => ({ name: 'test', main });

function* echoLines(sys: Syscalls, env: Env): Sys<void> {
  const io = valueOf(yield* openConsole(sys, env, 'stdio'));
  for (;;) {
    const got = valueOf(yield* io.read(sys, 1 << 16));
    if (got.length) valueOf(yield* io.write(sys, bytes(text(got).toUpperCase())));
    else if (yield* io.ended(sys)) break;
    else yield* sys.down(io.inputSemaphore, Ops.semaphore.down);
  }
  yield* log(sys, env, 'end of file');
}

describe('virtio console', () => {
  it('carries input and output, and says when the input has ended', async () => {
    const big = 'all work and no play\n'.repeat(20_000);
    const ran = await run({ terminal: consoleDriver('console0'), echo: { program: program(echoLines), caps: { stdio: 'terminal' } } },
      { consoles: 1, inputs: ['console0'] }, system => {
      system.input('console0', bytes('hello\n'));
      system.input('console0', bytes(big));
      system.endInput('console0');
    });
    expect(ran.kernelLog).toEqual([]);
    expect(ran.result).toMatchObject({ status: 0, ending: 'finished' });
    expect(ran.out['console0']).toBe('HELLO\n' + big.toUpperCase());
    expect(ran.out['uart']).toBe('[echo] end of file\n');
  });
  it('waits for the outside, and knows the size of the window', async () => {
    const size = program(function* (sys, env) {
      const io = valueOf(yield* openConsole(sys, env, 'stdio'));
      for (;;) {
        yield* sys.down(io.inputSemaphore, Ops.semaphore.down);
        const { columns, rows } = valueOf(yield* io.size(sys));
        if (columns > 80) return yield* log(sys, env, `${columns} × ${rows}`);
      }
    });
    const ran = await run({ terminal: consoleDriver('console0'), size: { program: size, caps: { stdio: 'terminal' } } },
      { consoles: 1, inputs: ['console0'] }, s => {
      setTimeout(() => s.resize('console0', 132, 43), 30);
    });
    expect(ran.out['uart']).toBe('[size] 132 × 43\n');
  });
});

class MemoryDisk implements BlockBackend {
  readonly readOnly = false;
  readonly data = new Uint8Array(4 << 20);
  flushed = 0;
  get size(): number { return this.data.length; }
  read(offset: number, into: Uint8Array): void { into.set(this.data.subarray(offset, offset + into.length)); }
  write(offset: number, from: Uint8Array): void { this.data.set(from, offset); }
  flush(): void { this.flushed++; }
}

describe('virtio disk', () => {
  it('reads and writes through the shared buffer, and refuses what lies beyond the end', async () => {
    const disk = new MemoryDisk();
    disk.data.set(bytes('on the disk'), 512 * 7);
    const user = program(function* (sys, env) {
      const disk = valueOf(yield* openBlock(sys, env, 'disk')), va = valueOf(yield* allocate(sys, env, 3 << 20));
      valueOf(yield* disk.read(sys, 0, 6000, va));
      yield* log(sys, env, text(sys.memory.read(va + 512 * 7, 11)));
      sys.memory.write(va, bytes('written'));
      valueOf(yield* disk.write(sys, 100, 5000, va));
      valueOf(yield* disk.flush(sys));
      const beyond = yield* disk.read(sys, 8191, 2, va);
      yield* log(sys, env, beyond.ok ? 'read beyond the end' : beyond.what);
    });
    const ran = await run({ disk0: blockDriver('disk0'), user: { program: user, caps: { disk: 'disk0' }, memory: '8M' } },
      { disks: [disk] });
    expect(ran.kernelLog).toEqual([]);
    expect(ran.out['uart']).toBe("[user] on the disk\n[user] disk 'disk': badArgument\n");
    expect(text(disk.data.subarray(51200, 51207))).toBe('written');
    expect(text(disk.data.subarray(51200 + 512 * 7, 51200 + 512 * 7 + 11))).toBe('on the disk');
    expect(disk.flushed).toBe(1);
  });
});

describe('console', () => {
  it('shares the UART between clients, labels their lines, and brings the input to the one in focus', async () => {
    const talker = (n: number): Program => program(function* (sys, env) {
      const io = valueOf(yield* openConsole(sys, env, 'stdio'));
      for (let i = 0; i < n; i++) valueOf(yield* io.write(sys, bytes(`line ${i}\n`)));
    });
    const ran = await run({
      uart: { program: uart, provides: ['stream'], devices: ['uart'] },
      console: { program: consoleMux, provides: ['stream'], caps: { out: 'uart' } },
      echo: { program: program(function* (sys, env) {
        const io = valueOf(yield* openConsole(sys, env, 'stdio'));
        while (!(valueOf(yield* io.read(sys, 100))).length) yield* sys.down(io.inputSemaphore, Ops.semaphore.down);
        valueOf(yield* io.write(sys, bytes('got it\n')));
      }), caps: { stdio: 'console' } },
      a: { program: talker(3), caps: { stdio: 'console' } },
    }, { inputs: ['uart'] }, (system, out) => {
      const whenAllIsWritten = (): void => {
        if (out['uart']?.includes('line 2\n')) system.input('uart', bytes('x'));
        else setTimeout(whenAllIsWritten, 5);
      };
      whenAllIsWritten();
    }, { log: 'console' });
    expect(ran.kernelLog).toEqual([]);
    expect(ran.out['uart']).toBe('[a] line 0\n[a] line 1\n[a] line 2\n[echo] got it\n');
  });
});

describe('boot modules', () => {
  it('are mapped where they are, for those who may have them', async () => {
    const file = new Uint8Array(5 << 20).map((_, i) => i * 7);
    const reader = program(function* (sys, env) {
      const rom = yield* openRom(sys, env, 'file');
      if (!rom) return yield* exit(sys, env, 3);
      const got = sys.memory.read(rom.va, rom.size);
      return yield* exit(sys, env, got.every((b, i) => b === file[i]) ? 0 : 4);
    });
    const modules = [{ name: 'other', bytes: bytes('x') }, { name: 'file', bytes: file }];
    expect((await run({ reader: { program: reader, roms: ['file'] } }, { modules })).result.status).toBe(0);
    expect((await run({ reader: { program: reader, roms: ['other'] } }, { modules })).result.status).toBe(3);
    expect((await run({ reader: { program: reader } }, { modules })).result.status).toBe(3);
  });
});
