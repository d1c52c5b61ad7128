/** The meaning of numbers in a recording of a scenario: the protocols of the servers that it starts (trace/vocabulary.ts). */
import { calls } from '../l4guest/abi/calls.ts';
import { errorNames, symbols } from '../l4guest/abi/symbols.ts';
import type { Operation } from '../microkernel/abi/index.ts';
import { Protocol } from '../roottask/client/protocol.ts';
import type { Scenario } from '../roottask/scenario.ts';
import type { DeviceWords, Vocabulary } from '../trace/index.ts';
import { readOptions } from '../vmm/options.ts';
import { windowsOf } from '../vmm/words.ts';

/** The names of devices belong to the component that is their vmm. */
function devicesOf(scenario: Scenario): DeviceWords[] {
  return Object.entries(scenario.components).flatMap(([name, component]) => {
    if (!('name' in component.program) || component.program.name !== 'vmm') return [];
    const options = readOptions(component.args ?? {});
    return typeof options === 'string' ? [] : windowsOf(options).map((w) => ({ ...w, of: name }));
  });
}

const labels = Object.fromEntries(Object.entries(Protocol).flatMap(([object, table]) =>
  Object.entries(table as Record<string, Operation>).map(([name, row]) => [
    row.label, [`${object}.${name}`, row.in.join(' '), row.out.join(' ')] as const
  ])));

/** The Unix server's calls are included only if it runs. */
export function vocabularyFor(scenario: Scenario): Vocabulary {
  const unix = Object.values(scenario.components).some((c) => 'name' in c.program && c.program.name === 'l4guest');
  return {
    labels, devices: devicesOf(scenario),
    ...(unix
      ? {
        syscalls: Object.fromEntries(Object.entries(calls).map(([name, [nr, args]]) => [nr, [name, args] as const])), symbols,
        errors: errorNames
      }
      : {}),
  };
}
