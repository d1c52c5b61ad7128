/**
 * The microkernel's mappings of a process are a mirror of the Unix server's page tables, and never more: while a program maps, protects,
 * moves, gives up and forks at random, each page that a process could reach is, at each return to user mode, one that the server's table
 * has, at the same frame, with rights that it allows. What the server still owes as a flush does not count, until that space runs again.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Right, Kind } from '../microkernel/abi/index.ts';
import { LEVEL_SIZE, type MapNode } from '../microkernel/mem/node.ts';
import type { Table } from '../microkernel/mem/table.ts';
import { Task } from '../microkernel/objects/task.ts';
import { walk } from '../microkernel/testing/walk.ts';
import { Pte, pteFrame } from '../l4guest/mm/pagetable.ts';
import type { Mm } from '../l4guest/mm/mm.ts';
import type { Watched, Watcher } from '../l4guest/kernel/watch.ts';
import { unixWorld } from '../scenarios/worlds.ts';
import { bootScenario } from './audited.ts';
import { root } from './tessera.ts';

const PAGE = 4096, EACH = 3;

/** All leaves of a page table that threads of the task may use. */
function* leaves(table: Table): Generator<MapNode> {
  for (let i = 0; i < (table.tables ?? table.nodes).length; i++) {
    const node = table.nodes.get(i), below = table.tables?.get(i);
    if (node && !node.pinned) yield node;
    if (below) yield* leaves(below);
  }
}

/** What the mirror has of an address space beyond the server's table, in words. `seen` counts the pages. */
function beyond(mm: Mm, task: Task, server: Task, seen: { pages: number }): string[] {
  const wrong: string[] = [];
  for (const node of leaves(task.space.root)) for (let va = node.va; va < node.va + LEVEL_SIZE[node.level]!; va += PAGE) {
    const vpn = va / PAGE, pte = mm.table.get(vpn), has = walk(task.space, va)!;
    const owed = mm.flushes.filter((f) => f.from <= vpn && vpn < f.to).reduce((rights, f) => rights | f.rights, 0);
    const rights = has.rights & ~owed;
    seen.pages++;
    if (rights === 0) continue;
    const where = `task ${task.id} at 0x${va.toString(16)}`;
    if (pte === 0 || (pte & Pte.NONE) !== 0) wrong.push(`${where}: rights 0x${rights.toString(16)}, and the server has no page`);
    else if (walk(server.space, pteFrame(pte) * PAGE)?.pa !== has.pa) wrong.push(`${where}: another frame than the server's`);
    else if ((rights & Right.W) !== 0 && (pte & Pte.W) === 0) wrong.push(`${where}: writable, and the server's page is not`);
    else if ((pte & Pte.MAPPED) === 0) wrong.push(`${where}: mapped, and the server does not know it`);
    const area = mm.areas.find(va);
    if (!area || (rights & ~area.prot & (Right.W | Right.X)) !== 0) wrong.push(`${where}: rights 0x${rights.toString(16)} beyond its area`);
  }
  return wrong;
}

it.each([1, 2, 3])('what processes can reach is a part of what the server has given them (seed %i)', async (seed) => {
  let watched: Watched | undefined, resumes = 0, text = '';
  const wrong = new Set<string>(), seen = { pages: 0, spaces: 0 };
  const watcher: Watcher = {
    began: (w) => { watched = w; }, park: () => false, unpark: () => undefined, *signal() { /* nothing to show */ },
    forked: () => undefined, vforkDone: () => undefined, replaced: () => undefined, ended: () => undefined,
  };
  const scenario = unixWorld({ argv: ['/bin/mapstorm', String(seed), '600'], files: ['mapstorm'], memory: 32 << 20, more: { watcher } });
  const modules = [{ name: 'mapstorm', bytes: new Uint8Array(readFileSync(`${root}/guests/bin/apart/mapstorm`)) }];
  const look = (thread: number): void => {
    const server = [...system.kernel.tasks].find((task) => [...task.threads].some((t) => t.id === thread))!;
    for (const mm of new Set([...watched!.threads()].map((thread) => thread.mm))) {
      const task = mm.space && server.caps.lookup((mm.space as { task: number }).task)?.object;
      if (!(task instanceof Task)) continue;
      seen.spaces++;
      for (const line of beyond(mm, task, server, seen)) wrong.add(line);
    }
  };
  const system = bootScenario(scenario, { modules, consoles: 2, inputs: [],
    output: (_c, bytes) => { text += new TextDecoder().decode(bytes); } },
  { watch: (_sequence, kind, actor) => { if (watched && kind === Kind.resume && resumes++ % EACH === 0) look(actor); } });
  const result = await system.run();
  expect([result.status, text]).toEqual([0, 'mapstorm: done\n']);
  expect([...wrong]).toEqual([]);
  expect(seen.pages).toBeGreaterThan(1000);
});
