/** Boots a scenario, as `tessera boot` does. */
import type { ScenarioFile } from '../scenarios/define.ts';
import type { BlockBackend } from '../machine/devices/device.ts';
import type { Module, Result } from '../system/host.ts';
import type { Archive } from '../system/files/archive.ts';
import { SystemError } from '../system/system.ts';
import { guestBytes } from './guests.ts';
import { networkCards, type Network } from './networks.ts';
import { Run, type Launch, type RunOptions } from './run.ts';
import { scenarioLoaders, scenarioNames } from './scenarios.ts';

export interface ScenarioOptions extends RunOptions {
  readonly scenario: ScenarioFile;
  /**
   * Boot modules by name: files that the scenario's components open. `readyScenario` supplies them for the scenarios that come with
   * Tessera.
   */
  readonly modules?: Readonly<Record<string, Uint8Array | Archive>>;
  /** Disks of the board, disk0 …, in the scenario's order. */
  readonly disks?: readonly BlockBackend[];
}

export interface ScenarioResult extends Result {
  /** Output of the board's UART, where scenarios write. */
  readonly output: string;
  /** Tasks, messages, events: the table that a scenario ends with. */
  readonly table: string;
}

/**
 * A scenario that comes with Tessera, with its files. `images`: Debian's files, for the few scenarios that need them, by the scenario's
 * names.
 * @throws SystemError for an unknown name, and for missing images
 */
export async function readyScenario(name: string,
    images: Readonly<Record<string,
      Uint8Array | Archive>> = {}): Promise<Required<Pick<ScenarioOptions, 'scenario' | 'modules' | 'disks'>>> {
  const load = Object.hasOwn(scenarioLoaders, name) ? scenarioLoaders[name] : undefined;
  if (!load) throw new SystemError(`there is no scenario '${name}'; there are ${scenarioNames.join(', ')}`);
  const { default: scenario } = await load(), missing = Object.keys(scenario.images ?? {}).filter((image) => !images[image]);
  if (missing.length) throw new SystemError(`scenario '${name}' needs ${missing.map((m) => `'${m}'`).join(', ')} among its images`);
  const files = await Promise.all(Object.entries(scenario.files ?? {}).map(async ([module, path]) =>
    [module, await guestBytes(path)] as const));
  const disks = await Promise.all((scenario.disks ?? []).map(async (image) => {
    const { MemoryDisk } = await import('./disk.ts'), [path, ...ways] = image.split(',');
    return new MemoryDisk(await guestBytes(path!), { readOnly: ways.includes('ro') });
  }));
  return { scenario, modules: { ...Object.fromEntries(files), ...images }, disks };
}

/**
 * A scenario's conditions and endings determine the result, as for `tessera boot`. The module that checks them is loaded only for scenarios
 * that have some.
 */
function judging(scenario: ScenarioFile): Pick<Launch<ScenarioResult>, 'judge' | 'asked'> {
  const { holds, endings } = scenario;
  if (!holds && !endings) return {};
  return {
    asked: [holds, ...Object.values(endings ?? {}).map((e) => e.holds)].some((h) => (h?.length ?? 0) > 0),
    judge: async (result, system, trace) => {
      const { ConditionError, judge } = await import('../system/judge.ts');
      return judge(scenario, result, { appeared: (e) => system.hasAppeared(e), trace }).catch((error: unknown) => {
        throw error instanceof ConditionError ? new SystemError(`scenario ${scenario.name}: ${error.message}`) : error;
      });
    },
  };
}

/** Boots a scenario. @throws SystemError for a scenario that cannot boot, in one sentence */
export function runScenario(options: ScenarioOptions): Run<ScenarioResult> {
  const { scenario } = options, modules: Module[] = Object.entries(options.modules ?? {}).map(([name, bytes]) => ({ name, bytes }));
  const run: Run<ScenarioResult> = new Run<ScenarioResult>({
    scenario, main: 'uart', ...judging(scenario),
    host: { modules, consoles: 0, disks: options.disks, nets: networkCards((scenario.nets ?? []) as Network[]) },
    finish: (result) => ({ ...result, output: run.console.text(), table: run.table() }),
  }, options);
  return run;
}
