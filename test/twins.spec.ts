/** Scenarios with a negative twin: the run shows its claim, and the same run with the mechanism off fails in the stated way. */
import { describe, expect, it } from 'vitest';
import { withParameters, type ScenarioFile } from '../index.ts';
import { scenarioLoaders } from '../library/scenarios.ts';
import { bootJudged } from './judged.ts';

const loaded = await Promise.all(Object.entries(scenarioLoaders).map(async ([name, load]) => [name, (await load()).default] as const));
const twins = loaded.filter((entry): entry is [string, ScenarioFile & Required<Pick<ScenarioFile, 'twin'>>] =>
  entry[1].twin !== undefined && entry[1].images === undefined);

describe.each(twins)('%s', (_name, scenario) => {
  it('ends well', async () => {
    const { result } = await bootJudged(scenario);
    expect(result).toMatchObject({ status: 0, why: '' });
  });
  it(`ends as '${scenario.twin.ending}' with ${JSON.stringify(scenario.twin.set)}`, async () => {
    const off = withParameters(scenario, scenario.twin.set), { result } = await bootJudged(off);
    expect(result).toMatchObject({ named: scenario.twin.ending, status: off.endings![scenario.twin.ending]!.status ?? 1 });
  });
});
it('there are such scenarios', () => expect(twins.length).toBeGreaterThan(0));
