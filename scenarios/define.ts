/** The type of a scenario file: what roottask boots, and what the host brings. */
import type { Scenario } from '../roottask/scenario.ts';
import { ScenarioError, check } from './check.ts';

export interface ScenarioFile extends Scenario {
  /** Boot modules: name → file, relative to the project's root. */
  readonly files?: Readonly<Record<string, string>>;
  /** Files that a scenario needs and that are not ours: without them it says so and does not start. */
  readonly images?: Readonly<Record<string, string>>;
  /** Network cards of the board, net0 …: what each is plugged into, in the words of `--net`. */
  readonly nets?: readonly string[];
  /** What the reader should look at: a page, or a sentence; said at the end of a run. */
  readonly story?: string;
}

/** Checks as much as can be known before booting, and gives the scenario back. Throws ScenarioError, which names the place. */
export function defineScenario(scenario: ScenarioFile): ScenarioFile {
  try {
    check(scenario);
  } catch (error) {
    throw error instanceof ScenarioError ? new ScenarioError(`scenario ${scenario.name}: ${error.message}`, error.where) : error;
  }
  return scenario;
}
