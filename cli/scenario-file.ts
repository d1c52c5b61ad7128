/**
 * Loads a scenario file. Tessera's are part of the bundle; a user's is TypeScript that esbuild bundles for the run. An error names its
 * line: the compiler's, the exception's, or that of the offending keys.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin } from 'esbuild';
import { ScenarioError, lineOf, readSettings, withParameters, type ScenarioFile } from '../index.ts';
import { scenarioLoaders, scenarioNames } from '../library/scenarios.ts';
import { CliError, Exit } from './errors.ts';
import { readText } from './files.ts';
import { projectRoot } from './images/where.ts';
import { removeFolder, temporaryFolder } from './temporary.ts';

export const scenarioFolder = (): string => join(projectRoot(), 'scenarios');
const isOurs = (path: string): boolean => dirname(path) === scenarioFolder();

async function ours(path: string): Promise<{ default: ScenarioFile }> {
  const name = basename(path, '.ts'), loader = Object.hasOwn(scenarioLoaders, name) ? scenarioLoaders[name] : undefined;
  if (!loader) throw new CliError('E_SCENARIO', `'${path}' is no boot scenario`, `ours are: ${scenarioNames.join(' ')}`);
  return await loader();
}

/** The scenario with the parameters of `--set`. Throws CliError. */
export async function loadScenario(path: string, settings: readonly string[] = []): Promise<ScenarioFile> {
  if (!isOurs(path)) readText('scenario', path);
  const module = (isOurs(path) ? await ours(path) : await importTypeScript(path)) as { default?: ScenarioFile };
  const scenario = module.default;
  if (!scenario || typeof scenario !== 'object' || (!scenario.components && !scenario.build)) throw new CliError('E_SCENARIO',
    `'${path}' is no boot scenario`, 'it must say: export default defineScenario({…})');
  return checked(scenario, path, settings);
}

/** Checks a scenario that was not created by `defineScenario`. */
function checked(scenario: ScenarioFile, path: string, settings: readonly string[]): ScenarioFile {
  try {
    return withParameters(withParameters(scenario, {}), readSettings(scenario, settings));
  } catch (error) {
    if (error instanceof ScenarioError && error.where.length === 0) throw new CliError('E_OPTION', `option --set: ${error.message}`,
      'write --set key=value');
    throw explained(error, path);
  }
}

/** The place in a user's scenario file that a run's error concerns; '' when unknown. */
export function placeOf(why: string, path: string): string {
  if (isOurs(path)) return '';
  const component = /component '([^']+)'/.exec(why)?.[1] ?? /^([a-z][a-z0-9-]*) crashed/.exec(why)?.[1],
    text = /did not appear: '([^']*)'/.exec(why)?.[1], held = /^does not hold: (.*?) \((?:\d+ records|the query)/.exec(why)?.[1]
    ?? /^'([^']+)' (?:cannot be asked|asks the trace)/.exec(why)?.[1];
  if (held !== undefined) return at(path, ['holds', held]);
  if (why.includes('virtio devices are too many'))
    return ['terminals', 'disks', 'nets', 'mounts'].map((field) => at(path, [field])).find((p) => p !== '') ?? '';
  return text !== undefined ? at(path, ['expect', text]) : component !== undefined ? at(path, ['components', component]) : '';
}

/** The line of these keys in a user's scenario file, in brackets; '' for Tessera's scenarios. */
export const placeIn = (path: string, where: readonly string[]): string => (isOurs(path) ? '' : at(path, where));

function at(path: string, where: readonly string[]): string {
  const line = lineOf(readFileSync(path, 'utf8'), where);
  return line ? ` (${path}:${line})` : '';
}

/** Resolves a user's import of 'tessera' to the command's own modules, so that each class exists only once. */
const API = Symbol.for('tessera.api');
async function publicApi(): Promise<Plugin> {
  const api: Readonly<Record<string, unknown>> = await import('../index.ts'), names = Object.keys(api);
  (globalThis as unknown as Record<symbol, unknown>)[API] = api;
  const contents = `const api = globalThis[Symbol.for('tessera.api')];\n${names.map((n) => `export const ${n} = api.${n};`).join('\n')}`;
  return {
    name: 'tessera',
    setup: (build) => {
      build.onResolve({ filter: /^tessera(-system)?$/ }, () => ({ path: 'tessera', namespace: 'tessera' }));
      build.onLoad({ filter: /^tessera$/, namespace: 'tessera' }, () => ({ contents, loader: 'js' }));
    },
  };
}

/** Bundles a TypeScript file with all that it imports of the project, and imports the result. */
export async function importTypeScript(path: string): Promise<unknown> {
  const { build } = await import('esbuild'), folder = temporaryFolder('scenario'), out = join(folder, 'scenario.mjs');
  // Makes exceptions, now and during the run, name lines of the user's file instead of the bundle.
  process.setSourceMapsEnabled(true);
  try {
    const bundle = await build({
      entryPoints: [path], outfile: out, bundle: true, format: 'esm', platform: 'node', target: 'node20', write: false,
        logLevel: 'silent', sourcemap: 'inline', sourcesContent: false,
      plugins: [await publicApi()], nodePaths: [join(projectRoot(), 'node_modules')],
    });
    writeFileSync(out, bundle.outputFiles[0]!.contents);
    await warn(path);
    return await import(pathToFileURL(out).href);
  } catch (error) {
    throw explained(error, path);
  } finally {
    removeFolder(folder);
  }
}

/** Reports system calls that never happen because a `yield*` is missing: the types do not show it, and the program silently does less. */
async function warn(path: string): Promise<void> {
  const { mistakes } = await import('./lab/mistakes.ts');
  for (const line of await mistakes(new Map([[basename(path), readFileSync(path, 'utf8')]])))
    process.stderr.write(`tessera: warning: ${line}\n`);
}

/** Checks the types of a scenario file, on request. Throws CliError. */
export async function checkTypes(path: string): Promise<void> {
  if (isOurs(path)) return;
  const { typeErrors } = await import('./lab/types.ts'), errors = typeErrors([path], join(projectRoot(), 'index.ts'));
  if (!errors) throw new CliError('E_TYPES', 'there is no TypeScript compiler here', 'run: npm install', Exit.failure);
  if (errors.length > 0) throw new CliError('E_TYPES', `${errors[0]}${errors.length > 1 ? `, and ${errors.length - 1} more` : ''}`);
}

function explained(error: unknown, path: string): CliError {
  const first = (error as { errors?: { text: string; location?: { file: string; line: number } | null }[] }).errors?.[0];
  if (first)
    return new CliError('E_SCENARIO',
      `scenario '${path}' cannot be compiled: `
        + `${first.text}${first.location ? ` (${resolve(first.location.file)}:${first.location.line})` : ''}`);
  const { message, stack, where } = error as Partial<ScenarioError> & Error;
  if (Array.isArray(where)) return new CliError('E_SCENARIO', `${message}${at(path, where)}`);
  const name = basename(path).replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), line = new RegExp(`${name}:(\\d+)`).exec(stack ?? '')?.[1];
  return new CliError('E_SCENARIO', `scenario '${path}': ${String(message ?? error).split('\n')[0]}${line ? ` (${path}:${line})` : ''}`);
}
