/**
 * `tessera report trust [SCENARIO]`: the number of lines that each component's safety depends on, and who can access what.
 *
 * A component trusts the machine's model, the kernel, roottask, every component whose service it uses (and theirs), and every component
 * that may make devices reach memory (`dma`). No other component can harm it; docs/walls.md describes the isolation of each kind.
 */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { ScenarioFile } from '../../index.ts';
import { bytesOfSize, sizeText, type Component } from '../../roottask/scenario.ts';
import { CliError, Exit } from '../errors.ts';
import { projectRoot } from '../images/where.ts';
import { writeNow } from '../output.ts';
import { loadScenario, scenarioFolder } from '../scenario-file.ts';
import { visible } from '../../trace/visible.ts';
import { closureOf, linesOf, sourcesOf } from './lines.ts';
import { PUBLISHED } from './published.ts';

interface Part { readonly name: string; readonly what: string; readonly lines: number }

/** One component of a scenario. */
export interface Trusted {
  readonly name: string;
  readonly walledBy: 'machine' | 'door';
  /** Lines of its own program; native programs and guests have none here. */
  readonly lines: number;
  readonly caps: Readonly<Record<string, string>>;
  readonly devices: readonly string[];
  readonly dma: boolean;
  readonly memory: string;
  readonly priority: number;
  /** Components that it has to trust besides the base. */
  readonly trusts: readonly string[];
  /** Lines that it depends on: the base, the trusted components, its own. */
  readonly total: number;
}

export interface Report { readonly base: readonly Part[]; readonly servers: readonly Part[]; readonly components: readonly Trusted[] }

const root = (): string => projectRoot();
const folder = (name: string): string[] => sourcesOf(join(root(), name));

function base(): Part[] {
  return [
    { name: 'microkernel', what: 'the kernel', lines: linesOf(folder('microkernel')) },
    { name: 'roottask/root', what: 'sigma0, moe, loader, io', lines: linesOf([...folder('roottask/root'), ...folder('roottask/lib')]) },
    {
      name: 'machine', what: 'the simulated hardware, with its chips and instruction table',
      lines: linesOf([...folder('machine'), ...folder('hardware')])
    },
  ];
}

/** Our servers outside the base: only their users trust them. */
const SERVERS: Readonly<Record<string, { readonly entry: string; readonly what: string }>> = {
  l4guest: { entry: 'l4guest/index.ts', what: 'the Unix server, trusted by its processes' },
  vmm: { entry: 'vmm/index.ts', what: 'a virtual machine monitor, trusted by its own machine' },
  'virtio-console': { entry: 'roottask/drivers/virtio-console.ts', what: 'driver' },
  'virtio-block': { entry: 'roottask/drivers/virtio-block.ts', what: 'driver' },
  'virtio-net': { entry: 'roottask/drivers/virtio-net.ts', what: 'driver' },
  'virtio-files': { entry: 'roottask/drivers/virtio-files.ts', what: 'driver' },
  uart: { entry: 'roottask/drivers/uart.ts', what: 'driver' },
  'net-switch': { entry: 'roottask/net/switch.ts', what: 'network switch' },
  'console-mux': { entry: 'roottask/console/console.ts', what: 'console multiplexer' },
};

/** The program's own lines: its imports without the base, which every component trusts. */
function linesOfProgram(entry: string): number {
  const isBase = (path: string): boolean =>
    ['microkernel/', 'roottask/root/', 'roottask/lib/', 'machine/'].some((part) => path.startsWith(join(root(), part)));
  return linesOf(closureOf(join(root(), entry), (path) => !isBase(path)));
}

/** @throws CliError without sources to count. */
export async function trustReport(name: string | undefined): Promise<Report> {
  if (!existsSync(join(root(), 'microkernel')))
    throw new CliError('E_SOURCES', 'the sources are not here to be counted', 'run this in a clone of Tessera', Exit.usage);
  const parts = base(),
    servers = Object.entries(SERVERS).filter(([, { entry }]) => existsSync(join(root(), entry)))
      .map(([server, { entry, what }]) => ({ name: server, what, lines: linesOfProgram(entry) }));
  if (name === undefined) return { base: parts, servers, components: [] };
  const path = name.endsWith('.ts') ? name : join(scenarioFolder(), `${basename(name)}.ts`);
  if (!existsSync(path)) throw new CliError('E_SCENARIO', `there is no scenario '${name}'`, 'tessera boot lists ours', Exit.usage);
  return { base: parts, servers, components: componentsOf(await loadScenario(path), path, parts.reduce((n, part) => n + part.lines, 0)) };
}

function componentsOf(scenario: ScenarioFile, path: string, baseLines: number): Trusted[] {
  const all = Object.entries(scenario.components), dma = all.filter(([, c]) => c.dma).map(([name]) => name), own = ownLines(path);
  const lines = new Map(all.map(([name, c]) => [name, linesOfComponent(c, own)]));
  return all.map(([name, component]) => {
    const trusts = [...new Set([...providersOf(scenario, name), ...dma])].filter((other) => other !== name).sort();
    const total = baseLines + [name, ...trusts].reduce((n, other) => n + (lines.get(other) ?? 0), 0);
    return {
      name, walledBy: 'elf' in component.program ? 'machine' : 'door', lines: lines.get(name)!, caps: capsOf(component),
        devices: component.devices ?? [],
      dma: component.dma === true, memory: sizeText(bytesOfSize(component.memory ?? '4M')),
      priority: component.priority ?? 100, trusts, total,
    };
  });
}

/** A program that a scenario file defines itself counts with the whole file. */
const ownLines = (path: string): number => linesOf([path]);
function linesOfComponent({ program }: Component, own: number): number {
  if ('elf' in program) return 0;
  const server = SERVERS[program.name];
  return server ? linesOfProgram(server.entry) : own;
}

export const capsOf = (component: Component): Record<string, string> =>
  Object.fromEntries(Object.entries(component.caps ?? {}).map(([name, from]) => [
    name, typeof from === 'string' ? from : `${from.from} '${from.label}'`
  ]));

/** The servers that a component uses, directly or through others. */
function providersOf(scenario: ScenarioFile, name: string, seen = new Set<string>()): Set<string> {
  for (const from of Object.values(scenario.components[name]?.caps ?? {})) {
    const provider = (typeof from === 'string' ? from : from.from).split('/')[0]!;
    if (seen.has(provider)) continue;
    seen.add(provider);
    providersOf(scenario, provider, seen);
  }
  return seen;
}

// ── text ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export async function reportTrust(name: string | undefined, json: boolean): Promise<number> {
  const report = await trustReport(name);
  writeNow(1, new TextEncoder().encode(json ? `${JSON.stringify(report)}\n` : textOf(report)));
  return Exit.ok;
}

const row = (name: string, lines: number | string, what: string): string => `  ${name.padEnd(18)}${String(lines).padStart(8)}  ${what}\n`;

function textOf({ base: parts, servers, components }: Report): string {
  const total = parts.reduce((n, part) => n + part.lines, 0);
  let text = `Trusted by everybody (lines of code: neither blank nor comment)\n`
    + `${parts.map((p) => row(p.name, p.lines, p.what)).join('')}${row('', total, 'together')}`;
  text += `\nTrusted only by those who use them\n${servers.map((s) => row(s.name, s.lines, s.what)).join('')}`;
  text += `\nKernels of others\n${PUBLISHED.map((p) => row(p.name, p.lines, p.what)).join('')}`;
  if (components.length > 0) text += `\n${components.map(textOfComponent).join('\n')}`;
  return text;
}

function textOfComponent(component: Trusted): string {
  const caps = Object.entries(component.caps).map(([name, from]) => `${visible(name)} = ${visible(from)}`).join(', ') || 'none';
  const devices = component.devices.length > 0 ? `, devices ${component.devices.map(visible).join(', ')}` : '';
  const size = component.lines > 0 ? `${component.lines} lines` : 'native code';
  const reach = component.dma ? ', DMA: it is trusted with all memory' : '';
  return `${visible(component.name)}: ${size}, walled by the ${component.walledBy}
  may    ${caps}; ${visible(component.memory)} of memory, priority ${component.priority}${devices}${reach}
  trusts ${component.trusts.map(visible).join(', ') || 'nobody'} beside the base: ${component.total} lines together
`;
}

