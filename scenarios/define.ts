/** The type of a scenario file: what roottask boots, and what the host brings. */
import type { Scenario } from '../roottask/scenario.ts';

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

/** Checks as much as can be known before booting, and gives the scenario back. Throws an Error that names the component. */
export function defineScenario(scenario: ScenarioFile): ScenarioFile {
  for (const [name, c] of Object.entries(scenario.components)) {
    if (!/^[a-z][a-z0-9-]*$/.test(name)) throw new Error(`scenario ${scenario.name}: component '${name}': names are lower-case letters, digits and '-'`);
    if (!c.program) throw new Error(`scenario ${scenario.name}: component '${name}' has no program`);
    if (c.priority !== undefined && !(c.priority >= 0 && c.priority <= 200)) throw new Error(`scenario ${scenario.name}: component '${name}': priority ${c.priority} is not in 0 … 200`);
  }
  return scenario;
}
