/**
 * `tessera boot`: finds a scenario, reads the files that it names, boots it with the UART on standard output, and ends with the table of
 * tasks, messages, events and exits.
 */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { asksTrace, ConditionError, judge, tableOf, type Module, type Parameters, type ScenarioFile } from '../index.ts';
import { openDisks, parseDisk } from './disk/disk.ts';
import { CliError, Exit } from './errors.ts';
import { readInput } from './files.ts';
import { imagesFolder, projectRoot } from './images/where.ts';
import { Looks } from './looks.ts';
import { Folders, parseShare } from './mounts.ts';
import { Networks, parseNet } from './net.ts';
import type { SharedOptions } from './options.ts';
import { writeNow } from './output.ts';
import { Plan } from './pack.ts';
import { kernelSymbols } from './profile.ts';
import { checkTypes, loadScenario, placeIn, placeOf, scenarioFolder as folder } from './scenario-file.ts';
import { didYouMean } from './near.ts';
import type { Debugged, GdbLaunch } from './gdb/hosted.ts';
import { endingLine, runSystem, type Outcome } from './session.ts';
import { withSymbol } from './symbol.ts';
import { readTrace } from './trace-source.ts';
import { VisibleOutput } from './visible-output.ts';
import { removeFolder, temporaryFolder } from './temporary.ts';

/** Names of the scenarios in scenarios/; other files there export no scenario. */
export function scenarioList(): string[] {
  if (!existsSync(folder())) return [];
  return readdirSync(folder()).filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts') && readFileSync(join(folder(), name),
    'utf8').includes('export default ')).map((name) => basename(name, '.ts'));
}

export async function listScenarios(json = false): Promise<number> {
  const list = await Promise.all(scenarioList().map(async (name) =>
    ({ name, scenario: await loadScenario(join(folder(), `${name}.ts`)) })));
  const plain = list.map(({ name, scenario }) => ({ name, summary: scenario.summary, images: Object.values(scenario.images ?? {}),
    story: scenario.story, parameters: scenario.parameters }));
  process.stdout.write(json ? `${JSON.stringify(plain, undefined, 2)}\n`
    : plain.map((s) => `${s.name.padEnd(18)} ${s.summary}\n${settable(s.parameters)}`).join(''));
  return Exit.ok;
}

const settable = (parameters: Parameters = {}): string =>
  Object.entries(parameters).map(([key, p]) => `${''.padEnd(20)}--set ${key}=${(p.values ??
    [p.default]).map(String).join('|')}   ${p.doc}\n`).join('');

export interface BootOptions extends SharedOptions { types?: boolean; set?: string[]; gdb?: { components: readonly string[]; port: number };
  gdbAt?: number;
  caps?: string | true; maps?: string }

export async function boot(name: string, options: BootOptions): Promise<number> {
  const path = findScenario(name);
  if (options.types) await checkTypes(path);
  const scenario = await loadScenario(path, options.set), kept = keepTrace(scenario, options);
  try {
    return await judged(scenario, path, { ...options, trace: kept.file });
  } finally {
    kept.remove();
  }
}

/** A scenario with conditions on the trace is recorded, if necessary into a temporary file. */
function keepTrace(scenario: ScenarioFile, options: SharedOptions): { file: string | undefined; remove(): void } {
  if (options.trace !== undefined || !asksTrace(scenario)) return { file: options.trace, remove: () => {} };
  const folder = temporaryFolder('boot');
  return { file: join(folder, 'asked.trace'), remove: () => removeFolder(folder) };
}

async function judged(scenario: ScenarioFile, path: string, options: BootOptions): Promise<number> {
  const looks = options.caps === undefined && options.maps === undefined ? undefined : new Looks(scenario, options.caps, options.maps);
  const { result: ended, system, modules } = await bootIt(scenario, path, options, looks);
  const trace = asksTrace(scenario) ? readTrace(options.trace!) : undefined;
  const result = await judge(scenario, ended, { appeared: (e) => system.hasAppeared(e), trace }).catch((error: unknown) => {
    throw error instanceof ConditionError ? new CliError('E_SCENARIO', `${error.message}${placeOf(error.message, path)}`) : error;
  });
  if (result.ending === 'finished' || result.ending === 'budget') process.stdout.write(`\n${tableOf(system)}${scenario.story
    ? `\nSee: ${scenario.story}\n` : ''}`);
  process.stderr.write(endingLine(result.why && result.named === undefined
    ? { ...result, why: withSymbol(result.why, fileOf(result.why, scenario, modules)) + placeOf(result.why, path) } : result));
  const seen = looks?.text();
  if (seen) process.stdout.write(`\n${seen.text}`);
  return seen?.same === false ? Exit.failure : result.status;
}

async function bootIt(scenario: ScenarioFile, path: string, options: BootOptions, looks?: Looks): Promise<Outcome & { modules: Module[] }> {
  const { nets = [], mounts = [], disks: images = [], terminals = 0 } = scenario;
  const beside = dirname(path), replayed = options.replay !== undefined;
  const modules = readModules(scenario, beside), networks = new Networks(ofField(path, 'nets', nets, () => nets.map(parseNet)));
  const folders = ofField(path, 'mounts', mounts, () =>
    new Folders(mounts.map((text) => parseShare(placed(text, /:/, beside), replayed)), replayed));
  const disks = ofField(path, 'disks', images, () => openDisks(images.map((text) => parseDisk(placed(text, /,/, beside)))));
  const gdb = options.gdb && await debugging(scenario, options.gdb, options.gdbAt);
  const outcome = await runSystem({
    scenario: gdb ? watched(scenario, gdb) : scenario, modules, networks, disks, folders: folders.ports, consoles: terminals,
    outputs: { uart: visibly(terminals > 0 ? 2 : 1), ...(terminals > 0 && { console0: 1 }), ...(terminals > 1 && { console1: 2 }) },
    input: terminals > 0 ? 'console0' : process.stdin.isTTY ? 'uart' : undefined,
    interactive: terminals > 0 && process.stdin.isTTY === true && process.stdout.isTTY === true,
    looks, gdb, symbols: (component) => symbolsOf(scenario, component, beside),
  }, options).catch((error: unknown) => { throw withPlace(error, path); }).finally(() => {
    for (const disk of disks) disk.close();
    folders.close();
    networks.close();
  });
  return { ...outcome, modules };
}

/** The devices of a scenario's field; an error in one of its texts names its line in the file instead of an option. */
function ofField<T>(path: string, field: string, texts: readonly string[], make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const text = texts.find((t) => error.message.includes(t.split(/[,:]/)[0]!)) ?? '';
    const what = error.message.replace(/^option --[a-z]+/, field).split('; write ')[0];
    throw new CliError(error.code, `${what}${placeIn(path, [field, text])}`, '', error.status);
  }
}

/** An error that prevents booting, with the line of the file. */
function withPlace(error: unknown, path: string): unknown {
  const isOfSystem = error instanceof CliError && error.code === 'E_SYSTEM';
  return isOfSystem ? new CliError(error.code, `${error.message}${placeOf(error.message, path)}`, '', error.status) : error;
}

/** The file before the mark lies beside the scenario or below the project's root. */
function placed(text: string, mark: RegExp, beside: string): string {
  const at = text.search(mark), path = at < 0 ? text : text.slice(0, at);
  return ([resolve(beside, path), join(projectRoot(), path)].find(existsSync) ?? path) + (at < 0 ? '' : text.slice(at));
}

/** What GDB looks at of the components. */
async function debugging(scenario: ScenarioFile, { components, port }: NonNullable<BootOptions['gdb']>,
    at: number | undefined): Promise<GdbLaunch> {
  const { ProcessWatch } = await import('./gdb/processes.ts');
  const isAll = components.length === 1 && components[0] === 'all' && scenario.components['all'] === undefined;
  const named = isAll ? Object.keys(scenario.components).filter((name) => runsInstructions(scenario, name)) : components;
  const debugged = named.map((component): Debugged => {
    const kind = debuggedKind(scenario, component);
    return kind === 'process' ? { component, kind, watch: new ProcessWatch() } : { component, kind };
  });
  return { port, debugged, at };
}

function runsInstructions({ components }: ScenarioFile, component: string): boolean {
  const { program } = components[component]!;
  return 'elf' in program || ['l4guest', 'vmm'].includes(program.name);
}

function debuggedKind({ components }: ScenarioFile, component: string): Debugged['kind'] {
  const program = components[component]?.program;
  if (!program) throw new CliError('E_OPTION', `option --gdb: there is no component '${component}'`,
    `there are ${Object.keys(components).join(', ')}`);
  if ('elf' in program) return 'native';
  if (program.name === 'l4guest') return 'process';
  if (program.name === 'vmm') return 'guest';
  throw new CliError('E_OPTION', `option --gdb: '${component}' is a TypeScript program and runs no instructions of the machine`,
    'name a native component, a Unix server or a monitor');
}

/** Unix servers tell the debugger what becomes of their processes. */
function watched(scenario: ScenarioFile, { debugged }: GdbLaunch): ScenarioFile {
  const components = { ...scenario.components };
  for (const target of debugged) {
    const component = target.kind === 'process' ? components[target.component!] : undefined;
    if (!component) continue;
    const args = { ...component.args, watcher: target.kind === 'process' && target.watch };
    components[target.component!] = { ...component, args };
  }
  return { ...scenario, components };
}

/** Makes lines of components, and of their guests, safe for the terminal. */
function visibly(fd: number): (bytes: Uint8Array) => boolean {
  const output = new VisibleOutput();
  return (bytes) => writeNow(fd, output.take(bytes));
}

/** The program of the native component that a message is about. */
function fileOf(why: string, scenario: ScenarioFile, modules: readonly Module[]): Uint8Array | undefined {
  const program = scenario.components[/^([a-z][a-z0-9-]*) crashed/.exec(why)?.[1] ?? '']?.program, file = program && 'elf' in program
    ? modules.find((m) => m.name === program.elf)?.bytes : undefined;
  return file instanceof Uint8Array ? file : undefined;
}

function findScenario(name: string): string {
  const ours = join(folder(), `${name}.ts`);
  if (/^[\w-]+$/.test(name) && existsSync(ours)) return ours;
  if (existsSync(name)) return resolve(name);
  throw new CliError('E_NO_SCENARIO', `there is no scenario '${name}'${didYouMean(name, scenarioList())}`,
    `give a file, or one of: ${scenarioList().join(', ')}`);
}

/** Symbols of the kernel that a component boots. */
function symbolsOf(scenario: ScenarioFile, component: string, beside: string): Iterable<readonly [string, number]> {
  const kernel = scenario.components[component]?.args?.['kernel'], path = typeof kernel === 'string' ? scenario.files?.[kernel] : undefined;
  return path === undefined ? [] : kernelSymbols(placed(path, /$/, beside));
}

/** Files lie beside the scenario or below the project's root, Debian's in the images folder. */
function readModules(scenario: ScenarioFile, beside: string): Module[] {
  const place = (path: string) => [resolve(beside, path), join(projectRoot(), path)].find(existsSync) ?? path;
  const ours = Object.entries(scenario.files ?? {}).map(([name, path]) => ({ name, bytes: readInput('boot module', place(path)) }));
  const images = Object.entries(scenario.images ?? {}).map(([name, path]) => {
    const full = join(imagesFolder(), path.replace(/^images\//, ''));
    if (!existsSync(full)) throw new CliError('E_NO_IMAGES', `scenario '${scenario.name}' needs '${path}', which is not here`,
      'fetch it with: tessera images fetch', Exit.failure);
    return { name, bytes: statSync(full).isDirectory() ? new Plan([{ host: full, guest: '' }]) : readInput('boot module', full) };
  });
  return [...ours, ...images];
}
