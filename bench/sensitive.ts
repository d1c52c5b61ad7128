/**
 * `npx tsx bench/sensitive.ts FACTOR [OPERATION…]`: what `costs` says above a microkernel whose estimated costs are all FACTOR times what
 * they are. A process of its own, because the kernel's paths add up their costs when they are loaded.
 */
import { COSTS } from '../microkernel/costs.ts';

/** What microkernel/costs.ts calls an estimate. */
const ESTIMATES = ['worldSwitch', 'item', 'map', 'unmap', 'node', 'cap', 'object', 'schedule', 'interrupt'] as const;
const [factor, ...ops] = process.argv.slice(2), table = COSTS as unknown as Record<string, number>;
for (const name of ESTIMATES) table[name] = table[name]! * Number(factor);
const { aboveKernel } = await import('./inside.ts');
process.stdout.write((await aboveKernel(['/bin/costs', ...ops])).said);
