/** Checks scenario files where they are defined, with each set of parameters. */
import { check } from './check.ts';
import type { ScenarioFile, ScenarioSource } from './file.ts';
import { ScenarioError, settled, type Parameters, type Value } from './parameters.ts';

export type { ScenarioFile, ScenarioSource, Twin } from './file.ts';

/**
 * Checks a scenario as far as possible before booting, and returns it with its parameters' defaults. Throws ScenarioError, which names the
 * place.
 */
export function defineScenario<const P extends Parameters>(source: ScenarioSource<P>): ScenarioFile {
  return withParameters(source as unknown as ScenarioFile, {});
}

/** The scenario with these parameters set. Throws ScenarioError. */
export function withParameters(source: ScenarioFile, set: Readonly<Record<string, Value>>): ScenarioFile {
  try {
    const scenario = built(source, set);
    check(scenario);
    if (scenario.twin) check(built(source, scenario.twin.set));
    return scenario;
  } catch (error) {
    throw error instanceof ScenarioError ? new ScenarioError(`scenario ${source.name}: ${error.message}`, error.where) : error;
  }
}

function built(source: ScenarioFile, set: Readonly<Record<string, Value>>): ScenarioFile {
  const build = source.build as ((values: Record<string, Value>) => Partial<ScenarioFile>) | undefined;
  return build === undefined || typeof build !== 'function' || typeof source.parameters !== 'object' ? source
    : { ...source, ...build(settled(source.parameters, set)) };
}
