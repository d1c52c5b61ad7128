/** Names that every JavaScript object inherits are ordinary names: no door mistakes one for an entry of its tables. */
import { describe, expect, it } from 'vitest';
import { make } from '../cli/new.ts';
import { loadScenario, scenarioFolder } from '../cli/scenario-file.ts';
import { assemble } from '../hardware/isa/assemble.ts';
import { csrNumber } from '../hardware/isa/registers.ts';
import { readyScenario } from '../library/scenario.ts';
import { E } from '../l4guest/abi/errno.ts';
import { Unix } from '../l4guest/testing/unix.ts';
import { ScenarioError, check } from '../scenarios/check.ts';
import { Filter, FilterError, TraceFile } from '../trace/index.ts';
import { recorded, story } from '../trace/testing/traces.ts';

const inherited = Object.getOwnPropertyNames(Object.prototype);
const trace = new TraceFile(recorded(story(3)));
/** The mistake in a term of the filter, if any. */
function mistake(term: string): unknown {
  try {
    new Filter(term, trace).test(trace.at(0), 0);
  } catch (error) { return error; }
  return undefined;
}

describe.each(inherited)('the name %s', (name) => {
  it('is no field of the filter', () => {
    // A field is letters only; any other term is a word to look for.
    const expected = /^[A-Za-z]+$/.test(name) ? FilterError : undefined;
    for (const term of [`${name}:1`, `${name}<5`, `${name}=a..b`])
      if (expected) expect(mistake(term)).toBeInstanceOf(expected); else expect(mistake(term)).toBeUndefined();
  });
  it('is no file system', () => expect(new Unix().call('mount', 'none', '/tmp', name, 0, 0)).toBe(-E.NODEV));
  it('is no kind of new folder', () => expect(make(name, 'x')).rejects.toThrow('there is nothing new of kind'));
  it('is no scenario', async () => {
    await expect(loadScenario(`${scenarioFolder()}/${name}.ts`)).rejects.toThrow('is no boot scenario');
    await expect(readyScenario(name)).rejects.toThrow('there is no scenario');
  });
  it('is no component', () => {
    const components = { a: { program: { task: 'a' }, caps: { x: name } } };
    expect(() => check({ name: 'a', components } as never)).toThrow(ScenarioError);
  });
  it('is no instruction and no register', () => {
    expect(() => assemble(`${name} a0, a1`, 0)).toThrow('no instruction is called');
    expect(csrNumber(name)).toBeUndefined();
    expect(csrNumber(`${name}1`)).toBeUndefined();
  });
});
