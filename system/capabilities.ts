/**
 * Compares the capabilities in a component's capability space at its start with those that its scenario lists. They must be the same; a
 * component gets every other capability later, by creating an object or in a message.
 */
import { CapRight } from '../microkernel/abi/index.ts';
import type { Kernel } from '../microkernel/index.ts';
import type { Cap } from '../microkernel/objects/cap.ts';
import { ObjectKind } from '../microkernel/objects/object.ts';
import type { Portal } from '../microkernel/objects/portal.ts';
import type { Scenario } from '../roottask/scenario.ts';
import { servicesFor } from '../roottask/root/start.ts';

/** A capability: its object, the component's name for it, and the task to which a portal leads. */
export interface Held { readonly selector: number; readonly kind: string; readonly rights: string; readonly name: string;
  readonly leads: string }

const OWN = ['task', 'thread', 'factory', 'schedContext'], FIRST_SERVICE = 16, FIRST_SESSION = 32, MOST_SELECTORS = 1 << 20;
const KINDS = Object.fromEntries(Object.entries(ObjectKind).map(([name, kind]) => [kind, name]));
const rightsOf = (rights: number): string => Object.entries(CapRight).filter(([name, bit]) => name !== 'all' &&
  (rights & bit) !== 0).map(([name]) => name).join(' ');

/** The kernel's view: every capability of the task with this number. `nameOf`: the names of tasks. */
export function heldBy(kernel: Kernel, task: number, nameOf: (task: number) => string): Held[] {
  const found = [...kernel.tasks].find((t) => t.id === task);
  return found ? [...found.caps.range(0, MOST_SELECTORS)].map((cap) => held(cap, nameOf)) : [];
}
function held({ selector, object, rights }: Cap, nameOf: (task: number) => string): Held {
  const portal = object.kind === ObjectKind.portal ? object as Portal : undefined;
  return { selector, kind: KINDS[object.kind] ?? '?', rights: rightsOf(rights), name: '',
    leads: portal ? nameOf(portal.thread.task.id) : '' };
}

/** The scenario's view: a component's own objects, roottask's services, and a session for each of `caps`. */
export function manifestOf(scenario: Scenario, name: string): Held[] {
  const spec = scenario.components[name]!, portal = { kind: 'portal', rights: 'use map' };
  return [
    ...OWN.map((kind, i) => ({ selector: i + 1, kind, rights: 'use control map', name: `own ${kind}`, leads: '' })),
    ...servicesFor(spec).map(({ service, index }) => ({ selector: FIRST_SERVICE + index, ...portal, name: service, leads: 'roottask' })),
    ...Object.entries(spec.caps ?? {}).map(([cap, source], i) => ({
      selector: FIRST_SESSION + i, ...portal, name: cap, leads: (typeof source === 'string' ? source : source.from).split('/')[0]!,
    })),
  ];
}

/** One line for each difference; empty when a component has exactly what the scenario lists. */
export function differences(held: readonly Held[], manifest: readonly Held[]): string[] {
  const line = (h: Held): string => `slot ${h.selector}: ${h.kind}${h.leads ? ` to ${h.leads}` : ''} (${h.rights})`;
  const is = new Set(held.map(line)), said = new Set(manifest.map(line));
  return [
    ...held.filter((h) => !said.has(line(h))).map((h) => `holds, and the scenario does not list, ${line(h)}`),
    ...manifest.filter((h) => !is.has(line(h))).map((h) => `does not hold ${h.name}, ${line(h)}`),
  ];
}
