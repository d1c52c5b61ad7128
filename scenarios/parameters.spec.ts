import { describe, expect, it } from 'vitest';
import { ScenarioError } from './check.ts';
import { defineScenario, withParameters, type ScenarioFile } from './define.ts';
import { readSettings } from './parameters.ts';

const program = { name: 'p', *main() { /* nothing */ } } as never;
const source = {
  name: 's', summary: 't',
  parameters: { times: { default: 3, least: 0, most: 9, doc: 'how often' }, mood: { default: 'good', values: ['good', 'bad'],
    doc: 'mood' }, on: { default: true, doc: 'switch' } },
  build: ({ times, mood, on }: { times: number; mood: string; on: boolean }) =>
    ({ components: { p: { program, args: { times, mood, on } } }, endings: (on ? {} : { off: { why: 'it is off' } }) as Record<string,
    { why: string }> }),
} as const;
const said = (act: () => unknown): string => {
  try {
    act();
    return 'nothing wrong';
  } catch (error) {
    return error instanceof ScenarioError ? `${error.message} @ ${error.where.join('.')}` : String(error);
  }
};
const args = (s: ScenarioFile) => s.components['p']!.args;

describe('parameters', () => {
  const scenario = defineScenario(source);
  it('have their defaults, and what is set', () => {
    expect(args(scenario)).toEqual({ times: 3, mood: 'good', on: true });
    expect(args(withParameters(scenario, readSettings(scenario, ['times=5', 'mood=bad', 'on=off'])))).toEqual({ times: 5, mood: 'bad',
      on: false });
  });
  it.each([
    ['times=10', 'times: 10 is above 9 @ '], ['times=-1', 'times: -1 is below 0 @ '], ['times=', "times: 'NaN' is no number @ "],
      ['times=x', "times: 'NaN' is no number @ "],
    ['mood=ugly', "mood: 'ugly' is none of good, bad @ "], ['on=perhaps', "on: 'perhaps' is neither on nor off @ "],
      ['mood', "'mood' gives no value: write mood=good @ "],
    ['tims=1', "'tims' is no parameter of scenario 's'; did you mean 'times'? @ "],
      ['toString=1', "'toString' is no parameter of scenario 's'; it has times, mood, on @ "],
  ])('%s is refused', (text, why) => expect(said(() => readSettings(scenario, [text]))).toBe(why));

  it.each<[object, string]>([
    [{ parameters: { a: { default: 1, values: [2], doc: '' } } }, "scenario s: parameter 'a': its default '1' is none of 2 @ parameters.a"],
    [{ parameters: { a: { doc: '' } } },
      'scenario s: parameters is not an object whose values are { default, values?, least?, most?, doc } @ parameters'],
    [{ twin: { set: { x: 1 }, ending: 'e' } }, "scenario s: its twin sets 'x', which is no parameter @ twin.x"],
    [{ twin: { set: { on: false }, ending: 'none' } }, "scenario s: its twin ends as 'none', which is none of its endings @ twin.ending"],
    [{ holds: [{ filter: 'kind:call', why: 'w', exactly: 1, atMost: 2 }] },
      "scenario s: 'w': exactly goes with neither atLeast nor atMost @ holds.w"],
    [{ holds: [{ filter: 'kind:call', sql: 'select 1', why: 'w' }] },
      'scenario s: holds is not a list of { filter or sql, exactly? atLeast? atMost?, why } @ holds'],
    [{ build: undefined, components: { p: { program } }, endings: { e: { why: 'w', expect: [{ from: 'q', text: 'x' }] } } },
      "scenario s: 'q' is not one of its components (p) @ endings.e.q"],
  ])('a mistake in the file is told: %j', (change, why) => expect(said(() => defineScenario({ ...source, ...change } as never))).toBe(why));
});
