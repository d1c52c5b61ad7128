/** The console multiplexer: which client gets the keys, whose lines appear, and earlier lines. */
import { describe, expect, it } from 'vitest';
import { Ops, consoleMux, openConsole, uart, type Program, type Scenario } from '../index.ts';
import { valueOf } from '../roottask/client/index.ts';
import { bootScenario } from './audited.ts';

const encoder = new TextEncoder();

/** Prints `lines` lines; then echoes each typed line. */
const talker = (lines: number): Program => ({
  name: 'talker',
  *main(sys, env) {
    const io = valueOf(yield* openConsole(sys, env, 'stdio'));
    for (let i = 1; i <= lines; i++) yield* io.write(sys, encoder.encode(`line ${i}\n`));
    for (;;) {
      yield* sys.down(io.inputSemaphore, Ops.semaphore.down, Infinity, 1);
      const got = valueOf(yield* io.read(sys, 100));
      if (got.length > 0) yield* io.write(sys, encoder.encode(`heard ${new TextDecoder().decode(got).trim()}\n`));
    }
  },
});

/** The output for each of these inputs. */
function typed(...inputs: string[]): string[][] {
  const client = (label: string) => ({ stdio: { from: 'console', label } });
  const scenario: Scenario = {
    name: 'console', summary: '', components: {
      uart: { program: uart, provides: ['stream'], devices: ['uart'] },
        console: { program: consoleMux, provides: ['stream'], caps: { out: 'uart' } },
      one: { program: talker(30), caps: client('one') }, two: { program: talker(2), caps: client('two') },
    },
  };
  let text = '';
  const system = bootScenario(scenario, { output: (_c, bytes) => { text += new TextDecoder().decode(bytes); }, inputs: ['uart'] });
  const settle = (): string => {
    while (system.runFor(20_000_000) === 'running') { /* until the system only waits for a key */ }
    const said = text;
    text = '';
    return said;
  };
  settle();
  return inputs.map((keys) => { system.input('uart', encoder.encode(keys)); return settle().split('\n').filter(Boolean); });
}
const A = '\x01';

describe('the console', () => {
  it('lists its clients, gives the keys to the one in focus, and turns to another', () => {
    expect(typed(`${A}l`, 'a\n', `${A}2`, 'b\n', `${A}n`, 'c\n')).toEqual([
      ['[console] 1 one *', '[console] 2 two'], ['[one] heard a'], [], ['[two] heard b'], [], ['[one] heard c'],
    ]);
  });
  it('shows the last lines of the client in focus', () => {
    const [first, second] = typed(`${A}h`, `${A}2${A}h`);
    expect(first).toEqual(['[console] the last 20 of 30 lines of one', ...Array.from({ length: 20 }, (_, i) => `[one] line ${i + 11}`)]);
    expect(second).toEqual(['[console] the last 2 of 2 lines of two', '[two] line 1', '[two] line 2']);
  });
  it('shows one client only, keeps what the others say, and brings it with the turn to them', () => {
    const [only, hidden, turned, all] = typed(`${A}o`, 'x\n', `${A}2`, `${A}o`);
    expect(only).toEqual(['[console] only one from now on; the others are kept']);
    expect(hidden).toEqual(['[one] heard x']);
    expect(turned).toEqual(['[console] the last 2 of 2 lines of two', '[two] line 1', '[two] line 2']);
    expect(all).toEqual(['[console] everybody again']);
  });
});
