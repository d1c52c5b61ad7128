/** The guest's processor, derived from the machine's. */
import type { Processor } from '../roottask/client/index.ts';
import { RAM_BASE } from './ram.ts';

/** Extensions that an ISA string names: single letters and longer names. */
function extensionsOf(isa: string): Set<string> {
  const [letters, ...names] = isa.split('_');
  return new Set([...letters!.slice('rv64'.length), ...names]);
}

/** Why no guest can run here; undefined when one can. A processor without a description counts as complete. */
export function whyNotHere({ isa }: Processor): string | undefined {
  return isa === '' || extensionsOf(isa).has('h')
    ? undefined
    : 'this processor has no hypervisor extension (H), and a virtual machine runs by nothing else here';
}

/** Why trapping alone is not enough where U mode can access sstatus (`leaks`). */
export const HOLE = 'here an access to sstatus in U mode does not trap, so this guest would run wrongly';

/** Extensions that are part of another one, where the machine names only the latter. */
const CONTAINED_IN: Readonly<Record<string, string>> = { zfhmin: 'zfh' };

/** The guest's ISA string: the wanted extensions, except those that the machine lacks and the monitor does not emulate. */
export function guestIsa(wanted: string, { isa }: Processor, emulated: readonly string[] = []): string {
  const [letters, ...names] = wanted.split('_'), has = extensionsOf(isa);
  const there = (name: string): boolean =>
    isa === '' || has.has(name) || emulated.includes(name) || has.has(CONTAINED_IN[name] ?? '') || /^svvptc$|^zi|^za/.test(name);
  return ['rv64' + [...letters!.slice('rv64'.length)].filter(there).join(''), ...names.filter(there)].join('_');
}

/** Guests have timer compare registers of their own. */
export const hasGuestTimer = ({ isa }: Processor): boolean => isa === '' || extensionsOf(isa).has('sstc');

/** Why memory cannot begin elsewhere. */
export const RESERVED = "this processor gives the addresses below to the supervisor of the machine alone, untranslated";

/** Start of guest memory: after the addresses that only the machine's supervisor can use. */
export const ramBase = ({ reserved }: Processor): number =>
  (reserved && RAM_BASE >= reserved[0] ? Math.max(RAM_BASE, reserved[1]) : RAM_BASE);
