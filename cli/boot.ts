/**
 * `tessera boot`: finds a scenario, reads the files that it names, boots it with the UART on standard output, and ends with the table of
 * tasks, messages, events and exits.
 */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { tableOf, type Module, type ScenarioFile } from '../index.ts';
import { CliError, Exit } from './errors.ts';
import { readInput } from './files.ts';
import { imagesFolder, projectRoot } from './images/where.ts';
import { Networks, parseNet } from './net.ts';
import type { SharedOptions } from './options.ts';
import { writeNow } from './output.ts';
import { Plan } from './pack.ts';
import { checkTypes, loadScenario, placeOf, scenarioFolder as folder } from './scenario-file.ts';
import { didYouMean } from './near.ts';
import { endingLine, runSystem } from './session.ts';
import { withSymbol } from './symbol.ts';
import { VisibleOutput } from './visible-output.ts';

/** Names of the scenarios in scenarios/; what they are made of lies there too and exports no scenario. */
export function scenarioList(): string[] {
  if (!existsSync(folder())) return [];
  return readdirSync(folder()).filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts') && readFileSync(join(folder(), name), 'utf8').includes('export default ')).map((name) => basename(name, '.ts'));
}

export async function listScenarios(json = false): Promise<number> {
  const list = await Promise.all(scenarioList().map(async (name) => ({ name, scenario: await loadScenario(join(folder(), `${name}.ts`)) })));
  const plain = list.map(({ name, scenario }) => ({ name, summary: scenario.summary, images: Object.values(scenario.images ?? {}), story: scenario.story }));
  process.stdout.write(json ? `${JSON.stringify(plain, undefined, 2)}\n` : plain.map((s) => `${s.name.padEnd(18)} ${s.summary}\n`).join(''));
  return Exit.ok;
}

export async function boot(name: string, options: SharedOptions & { types?: boolean }): Promise<number> {
  const path = findScenario(name);
  if (options.types) await checkTypes(path);
  const scenario = await loadScenario(path);
  const networks = new Networks((scenario.nets ?? []).map(parseNet)), modules = readModules(scenario, dirname(path));
  const { result, system } = await runSystem({
    scenario, modules, networks, consoles: 0, outputs: { uart: visibly(1) }, input: process.stdin.isTTY ? 'uart' : undefined, interactive: false,
  }, options).catch((error: unknown) => { throw error instanceof CliError && error.code === 'E_SYSTEM' ? new CliError(error.code, `${error.message}${placeOf(error.message, path)}`, '', error.status) : error; }).finally(() => networks.close());
  if (result.ending === 'finished' || result.ending === 'budget') process.stdout.write(`\n${tableOf(system)}${scenario.story ? `\nSee: ${scenario.story}\n` : ''}`);
  process.stderr.write(endingLine(result.why ? { ...result, why: withSymbol(result.why, fileOf(result.why, scenario, modules)) + placeOf(result.why, path) } : result));
  return result.status;
}

/** Lines of components, and what they repeat of their guests, do not steer the terminal. */
function visibly(fd: number): (bytes: Uint8Array) => boolean {
  const output = new VisibleOutput();
  return (bytes) => writeNow(fd, output.take(bytes));
}

/** The program of the native component that a message is about. */
function fileOf(why: string, scenario: ScenarioFile, modules: readonly Module[]): Uint8Array | undefined {
  const program = scenario.components[/^([a-z][a-z0-9-]*) crashed/.exec(why)?.[1] ?? '']?.program, file = program && 'elf' in program ? modules.find((m) => m.name === program.elf)?.bytes : undefined;
  return file instanceof Uint8Array ? file : undefined;
}

function findScenario(name: string): string {
  const ours = join(folder(), `${name}.ts`);
  if (/^[\w-]+$/.test(name) && existsSync(ours)) return ours;
  if (existsSync(name)) return resolve(name);
  throw new CliError('E_NO_SCENARIO', `there is no scenario '${name}'${didYouMean(name, scenarioList())}`, `give a file, or one of: ${scenarioList().join(', ')}`);
}

/** Files lie beside the scenario or below the project's root, Debian's in the images folder. */
function readModules(scenario: ScenarioFile, beside: string): Module[] {
  const place = (path: string) => [resolve(beside, path), join(projectRoot(), path)].find(existsSync) ?? path;
  const ours = Object.entries(scenario.files ?? {}).map(([name, path]) => ({ name, bytes: readInput('boot module', place(path)) }));
  const images = Object.entries(scenario.images ?? {}).map(([name, path]) => {
    const full = join(imagesFolder(), path.replace(/^images\//, ''));
    if (!existsSync(full)) throw new CliError('E_NO_IMAGES', `scenario '${scenario.name}' needs '${path}', which is not here`, 'fetch it with: tessera images fetch', Exit.failure);
    return { name, bytes: statSync(full).isDirectory() ? new Plan([{ host: full, guest: '' }]) : readInput('boot module', full) };
  });
  return [...ours, ...images];
}
