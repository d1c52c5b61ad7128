import { describe, expect, it } from 'vitest';
import { defineScenario } from './define.ts';
import { ScenarioError, lineOf } from './check.ts';

const program = { name: 'p', *main() { /* nothing */ } } as never;
const broken = (change: Record<string, unknown>, more: Record<string, unknown> = {}): string => {
  try {
    defineScenario({ name: 's', summary: 't', components: { a: { program, provides: ['x'], ...change }, b: { program } }, ...more });
    return 'nothing wrong';
  } catch (error) {
    return error instanceof ScenarioError ? `${error.message} @ ${error.where.join('.')}` : String(error);
  }
};

describe('a scenario with a mistake', () => {
  it('is told which, and where', () => {
    expect(broken({})).toBe('nothing wrong');
    expect(broken({ rooms: true })).toBe("scenario s: component 'a': no field 'rooms'; did you mean 'roms'? @ components.a.rooms");
    expect(broken({ memory: '4Q' })).toBe(
      "scenario s: memory: '4Q' is not a size: write bytes, or a number with K, M or G @ components.a.memory");
    expect(broken({ priority: 500 })).toBe("scenario s: component 'a': priority 500 is not in 0 … 200 @ components.a.priority");
    expect(broken({ caps: { c: 'nobody' } })).toBe(
      "scenario s: component 'a': its capability 'c' comes from 'nobody', which is not in the scenario @ components.a.caps.c");
    expect(broken({ caps: { c: { from: 'b', label: 'l' } } })).toBe(
      "scenario s: component 'a': its capability 'c' comes from 'b', which provides nothing @ components.a.caps.c");
    expect(broken({ program: undefined })).toContain("component 'a': it has no program");
    expect(broken({}, { expect: [{ from: 'c', text: 'x' }] })).toBe("scenario s: 'c' is not one of its components (a, b) @ expect.c");
    expect(broken({}, { actions: [{ kill: 'z', afterMs: 1 }] })).toContain("'z' is not one of its components");
    expect(broken({}, { budget: 0 })).toContain('budget 0 is no number of cycles above 0');
    expect(broken({}, { components: {} })).toContain('it has no components');
  });
  it('finds the line of the place in its source', () => {
    const source = "import x\nexport default defineScenario({\n  components: {\n    'a-b': { program: b,\n      caps: { b: 'c' } },\n"
      + "    b: {\n      memory: 3,\n    },\n  },\n  log: 'b',\n});\n";
    expect([
      ['components', 'a-b'], ['components', 'a-b', 'caps', 'b'], ['components', 'b', 'memory'], ['log'], ['nothing'],
      ['components', 'b', 'nothing']
    ].map((w) =>
      lineOf(source, w))).toEqual([4, 5, 7, 10, 0, 6]);
  });
});
