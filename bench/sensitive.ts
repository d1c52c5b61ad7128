/**
 * `npx tsx bench/sensitive.ts FACTOR [OPERATION…]`: the output of `costs` above a microkernel whose estimated costs are all multiplied by
 * FACTOR. `npx tsx bench/sensitive.ts monitor FACTOR|counted`: cycles of exits with a monitor whose costs are all multiplied, or
 * are those that vmm/costs.ts names as counted. It is a separate process, because paths sum their costs when they are loaded.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { COSTS } from '../microkernel/costs.ts';
import { COSTS as MONITOR } from '../vmm/costs.ts';
import { answerHelp, numberOf } from '../test/tool.ts';

/** The costs that microkernel/costs.ts calls estimates. */
const ESTIMATES = ['worldSwitch', 'item', 'map', 'unmap', 'node', 'cap', 'object', 'schedule', 'interrupt'];
const COUNTED: Readonly<Record<keyof typeof MONITOR, number>> =
  { dispatch: 45, decode: 17, device: 141, call: 64, walk: 97, step: 90, memory: 22 };

function multiply(table: object, names: readonly string[], factor: string): void {
  const costs = table as Record<string, number>, times = numberOf(import.meta.filename, 'FACTOR', factor);
  for (const name of names) costs[name] = costs[name]! * times;
}

/** Cycles of a call of firmware and of a device register (guests/exits), for each technique. */
async function monitor(factor: string): Promise<void> {
  if (factor === 'counted') Object.assign(MONITOR, COUNTED);
  else multiply(MONITOR, Object.keys(MONITOR), factor);
  const { bootVm } = await import('../index.ts'), kernel = readFileSync(join(import.meta.dirname, '../guests/bin/exits.bin'));
  const ways = [['hardware', {}], ['trap', { virt: 'trap' }], ['look-ahead', { lookAhead: true }]] as const;
  for (const [name, options] of ways) {
    const { output } = await bootVm({ kernel, ...options });
    const [, call, register] = /firmware takes (\d+) cycles, a device register (\d+)/.exec(output)!;
    console.log(`call_${name} 1 ${call}\nregister_${name} 1 ${register}`);
  }
}

answerHelp(import.meta.filename);
const [first = '', ...rest] = process.argv.slice(2);
if (first === 'monitor') await monitor(rest[0] ?? '');
else {
  multiply(COSTS, ESTIMATES, first);
  const { aboveKernel } = await import('./inside.ts');
  process.stdout.write((await aboveKernel(['/bin/costs', ...rest])).said);
}
