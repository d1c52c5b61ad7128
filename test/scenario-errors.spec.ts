/** A user's scenario file with a mistake: one line that says what and where, status 2 before booting and 1 after. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { tessera } from './tessera.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-scenario-errors-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const source = (field: string, body = 'yield* log(sys, env, env.args.text as string);', expected = 'hello'): string =>
  `import { defineScenario, log, type Program } from 'tessera';
const hello: Program = { name: 'hello',
  *main(sys, env) { ${body} },
};
export default defineScenario({
  name: 'mine', summary: 'says hello',
  components: {
    hello: { program: hello, args: { text: 'hello' },
      ${field} },
  },
  expect: [
    { from: 'hello', text: '${expected}' },
  ],
});
`;

/** A correct scenario with a condition on the trace, on line 11. */
const holding = (condition: string): string => source('').replace('expect: [', `holds: [{ ${condition}, why: 'it speaks' }],\n  expect: [`);

describe("a user's scenario", () => {
  const cases: [string, string, number, string][] = [
    ['that is right', source(''), 0, ''],
    ['with a field that does not exist', source('memry: 3'), 2, "component 'hello': no field 'memry'; did you mean 'memory'? (FILE:9)"],
    [
      'with a capability from nowhere', source("caps: { disk: 'disk0' }"), 2,
      "its capability 'disk' comes from 'disk0', which is not in the scenario (FILE:9)"
    ],
    ['that does not compile', source('priority: }'), 2, 'cannot be compiled: Unexpected "}" (FILE:9)'],
    ['that throws when it is loaded', source('priority: nice()'), 2, 'nice is not defined (FILE:9)'],
    [
      'whose program throws', source('', 'throw new Error("out of luck");'), 1,
      'hello crashed with status 1: out of luck (Object.main mine.ts:3:27) (FILE:8)'
    ],
    [
      'that wants a device which is not there', source("devices: ['floppy']"), 1,
      "wants the device 'floppy', which this board does not have"
    ],
    ['whose trace does not show what it must', holding("exactly: 7, filter: 'from:hello op:log.line kind:call'"), 1,
      'does not hold: it speaks (1 records) (FILE:11)'],
    ['that asks the trace in a wrong way', holding("filter: 'kin:call'"), 2, "'it speaks' cannot be asked: no field 'kin'"],
    [
      'with a bound that nothing keeps', holding("atLeast: 3, atMost: 2, filter: 'kind:call'"), 2,
      "'it speaks': nothing is at least 3 and at most 2 (FILE:11)"
    ],
    ['whose twin sets what there is not', source('').replace('expect: [', "twin: { set: { loud: true }, ending: 'mute' },\n  expect: ["), 2,
      "its twin sets 'loud', which is no parameter (FILE:11)"],
    ['whose text does not appear', source('', undefined, 'goodbye'), 1, "did not appear: 'goodbye' from hello (FILE:12)"],
  ];
  it.each(cases)('%s', async (_, text, status, says) => {
    const file = join(folder, 'mine.ts');
    writeFileSync(file, text);
    const run = await tessera(['boot', file]);
    expect(run.stderr.replaceAll(file, 'FILE')).toContain(says);
    expect(run.status).toBe(status);
    expect(run.stderr.trim().split('\n').length).toBe(1);
  });
});
