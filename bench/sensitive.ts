/**
 * `npx tsx bench/sensitive.ts FACTOR [OPERATION…]`: the output of `costs` above a microkernel whose estimated costs are all multiplied by
 * FACTOR. It is a separate process, because the kernel's paths sum their costs when they are loaded.
 */
import { COSTS } from '../microkernel/costs.ts';
import { answerHelp, numberOf } from '../test/tool.ts';

/** The costs that microkernel/costs.ts calls estimates. */
const ESTIMATES = ['worldSwitch', 'item', 'map', 'unmap', 'node', 'cap', 'object', 'schedule', 'interrupt'] as const;
answerHelp(import.meta.filename);
const [factor, ...ops] = process.argv.slice(2), table = COSTS as unknown as Record<string, number>;
const times = numberOf(import.meta.filename, 'FACTOR', factor ?? '');
for (const name of ESTIMATES) table[name] = table[name]! * times;
const { aboveKernel } = await import('./inside.ts');
process.stdout.write((await aboveKernel(['/bin/costs', ...ops])).said);
