/**
 * What a component may do: the capabilities that stand in its task's capability space when it begins, beside those that its scenario
 * lists. They must
 * be the same; everything else that a component ever holds it has made itself or was sent.
 */
import { CapRight } from '../microkernel/abi/index.ts';
import type { Kernel } from '../microkernel/index.ts';
import type { Cap } from '../microkernel/objects/cap.ts';
import { ObjectKind } from '../microkernel/objects/object.ts';
import type { Portal } from '../microkernel/objects/portal.ts';
import type { Scenario } from '../roottask/scenario.ts';
import { servicesFor } from '../roottask/root/start.ts';

/** A slot: what is in it, by what name the component knows it, and which task a portal leads to. */
export interface Held { readonly selector: number; readonly kind: string; readonly rights: string; readonly name: string;
  readonly leads: string }

const OWN = ['task', 'thread', 'factory', 'schedContext'], FIRST_SERVICE = 16, FIRST_SESSION = 32, MOST_SELECTORS = 1 << 20;
const KINDS = Object.fromEntries(Object.entries(ObjectKind).map(([name, kind]) => [kind, name]));
const rightsOf = (rights: number): string => Object.entries(CapRight).filter(([name, bit]) => name !== 'all' &&
  (rights & bit) !== 0).map(([name]) => name).join(' ');

/** What the kernel says: every slot of the task with this number. `nameOf`: what tasks are called. */
export function heldBy(kernel: Kernel, task: number, nameOf: (task: number) => string): Held[] {
  const found = [...kernel.tasks].find((t) => t.id === task);
  return found ? [...found.caps.range(0, MOST_SELECTORS)].map((cap) => held(cap, nameOf)) : [];
}
function held({ selector, object, rights }: Cap, nameOf: (task: number) => string): Held {
  const portal = object.kind === ObjectKind.portal ? object as Portal : undefined;
  return { selector, kind: KINDS[object.kind] ?? '?', rights: rightsOf(rights), name: '',
    leads: portal ? nameOf(portal.thread.task.id) : '' };
}

/** What the scenario says: a component's own objects, roottask's services, and a session for each of `caps`. */
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

/** What differs, a line each; nothing when a component holds what the scenario lists. */
export function differences(held: readonly Held[], manifest: readonly Held[]): string[] {
  const line = (h: Held): string => `slot ${h.selector}: ${h.kind}${h.leads ? ` to ${h.leads}` : ''} (${h.rights})`;
  const is = new Set(held.map(line)), said = new Set(manifest.map(line));
  return [
    ...held.filter((h) => !said.has(line(h))).map((h) => `holds, and the scenario does not list, ${line(h)}`),
    ...manifest.filter((h) => !is.has(line(h))).map((h) => `does not hold ${h.name}, ${line(h)}`),
  ];
}
