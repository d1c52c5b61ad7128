/** Finds mistakes in a scenario before it boots. Each mistake names its place in the file as a path of keys. */
import { distance } from './distance.ts';
import { COMPONENT, SCENARIO, wrongShape } from './shape.ts';
import { bytesOfSize, type Component, type Expectation, type Holds } from '../roottask/scenario.ts';
import type { ScenarioFile } from './file.ts';
import { ScenarioError, misfit } from './parameters.ts';

export { ScenarioError };

const FIELDS: ReadonlySet<string> = new Set(Object.keys(SCENARIO)), COMPONENT_FIELDS: ReadonlySet<string> = new Set(Object.keys(COMPONENT));
const MOST_PRIORITY = 200;

/** Throws ScenarioError. */
export function check(scenario: ScenarioFile): void {
  const wrong = (message: string, ...where: string[]): never => { throw new ScenarioError(message, where); };
  for (const field of Object.keys(scenario)) if (!FIELDS.has(field)) wrong(`no field '${field}'${among(field, FIELDS)}`, field);
  const shape = wrongShape(scenario, SCENARIO);
  if (shape) wrong(shape.what, shape.field);
  if (scenario.name === undefined) wrong('it has no name');
  if (typeof scenario.components !== 'object' || scenario.components === null || Object.keys(scenario.components).length === 0)
    wrong('it has no components',
    'components');
  const names = Object.keys(scenario.components), known = (name: string, ...where: string[]): void => {
    if (!names.includes(name)) wrong(`'${name}' is not one of its components (${names.join(', ')})`, ...where);
  };
  for (const [name, spec] of Object.entries(scenario.components)) component(scenario, name, spec);
  if (scenario.status !== undefined) known(scenario.status, 'status');
  if (scenario.log !== undefined) known(scenario.log, 'log');
  const expected = (list: readonly Expectation[] | undefined, ...where: string[]): void => {
    for (const e of list ?? []) if (e.from !== undefined && e.from !== 'roottask') known(e.from, ...where, e.from);
  };
  expected(scenario.expect, 'expect');
  for (const [name, ending] of Object.entries(scenario.endings ?? {})) expected(ending.expect, 'endings', name);
  bounds(scenario);
  parameters(scenario);
  for (const action of scenario.actions ?? []) known(action.kill, 'actions', action.kill);
  if (scenario.budget !== undefined && !(scenario.budget > 0)) wrong(`budget ${scenario.budget} is no number of cycles above 0`, 'budget');
  if (scenario.ram !== undefined) size(scenario.ram, 'ram');
}

/** A bound that no value satisfies is a mistake. */
function bounds(scenarioFile: ScenarioFile): void {
  const look = (list: readonly Holds[] | undefined, ...where: string[]): void => {
    for (const { exactly, atLeast, atMost, why } of list ?? []) {
      if (exactly !== undefined && (atLeast ?? atMost) !== undefined)
        throw new ScenarioError(`'${why}': exactly goes with neither atLeast nor atMost`, [...where, why]);
      if (atLeast !== undefined && atMost !== undefined
        && atLeast > atMost) throw new ScenarioError(`'${why}': nothing is at least ${atLeast} and at most ${atMost}`, [...where, why]);
    }
  };
  look(scenarioFile.holds, 'holds');
  for (const [name, ending] of Object.entries(scenarioFile.endings ?? {})) look(ending.holds, 'endings', name);
}

function parameters(scenario: ScenarioFile): void {
  for (const [name, parameter] of Object.entries(scenario.parameters ?? {})) {
    if (!/^[a-z][a-zA-Z0-9-]*$/.test(name)) throw new ScenarioError(`parameter '${name}': names are letters, digits and '-'`,
      ['parameters', name]);
    const wrong = misfit(parameter, parameter.default);
    if (wrong) throw new ScenarioError(`parameter '${name}': its default ${wrong}`, ['parameters', name]);
  }
  if (scenario.build && !scenario.parameters) throw new ScenarioError('build goes with parameters', ['build']);
  if (!scenario.twin) return;
  for (const [name, value] of Object.entries(scenario.twin.set)) {
    const parameter = scenario.parameters?.[name];
    if (!parameter) throw new ScenarioError(`its twin sets '${name}', which is no parameter`, ['twin', name]);
    const wrong = misfit(parameter, value);
    if (wrong) throw new ScenarioError(`its twin sets ${name}: ${wrong}`, ['twin', name]);
  }
  if (!scenario.endings?.[scenario.twin.ending])
    throw new ScenarioError(`its twin ends as '${scenario.twin.ending}', which is none of its endings`,
    ['twin', 'ending']);
}

function component(scenario: ScenarioFile, name: string, spec: Component): void {
  const wrong = (message: string, ...where: string[]): never => {
    throw new ScenarioError(`component '${name}': ${message}`, ['components', name, ...where]);
  };
  if (!/^[a-z][a-z0-9-]*$/.test(name)) wrong("names are lower-case letters, digits and '-'");
  if (typeof spec !== 'object' || spec === null) wrong('it is no object');
  for (const field of Object.keys(spec))
    if (!COMPONENT_FIELDS.has(field)) wrong(`no field '${field}'${among(field, COMPONENT_FIELDS)}`, field);
  if (!spec.program) wrong('it has no program');
  const shape = wrongShape(spec, COMPONENT);
  if (shape) wrong(shape.what, shape.field);
  if (spec.priority !== undefined && !(spec.priority >= 0 && spec.priority <= MOST_PRIORITY))
    wrong(`priority ${spec.priority} is not in 0 … ${MOST_PRIORITY}`, 'priority');
  const there = scenario.harts ?? 1, isHart = (h: unknown): boolean => Number.isInteger(h) && (h as number) >= 0 && (h as number) < there;
  if (spec.hart !== undefined && !isHart(spec.hart))
    wrong(`hart ${String(spec.hart)} is not one of the ${there} that the scenario has`, 'hart');
  if (spec.harts !== undefined && (!Array.isArray(spec.harts) || spec.harts.length === 0 || !spec.harts.every(isHart)))
    wrong(`harts is a list of numbers below ${there}`, 'harts');
  if (spec.harts && !spec.harts.includes(spec.hart ?? 0))
    wrong(`its thread starts on hart ${spec.hart ?? 0}, which is not in harts`, 'harts');
  for (const field of ['memory', 'kernelMemory'] as const) if (spec[field] !== undefined) size(spec[field], 'components', name, field);
  for (const [cap, source] of Object.entries(spec.caps ?? {})) {
    const from = (typeof source === 'string' ? source : source.from).split('/')[0]!,
      giver = Object.hasOwn(scenario.components, from) ? scenario.components[from] : undefined;
    if (!giver) wrong(`its capability '${cap}' comes from '${from}', which is not in the scenario`, 'caps', cap);
    else if (!giver.provides?.length) wrong(`its capability '${cap}' comes from '${from}', which provides nothing`, 'caps', cap);
  }
}

function size(value: number | string, ...where: string[]): void {
  try {
    bytesOfSize(value);
  } catch (error) {
    throw new ScenarioError(`${where.at(-1)}: ${(error as Error).message}`, where);
  }
}

/** The nearest name, if one is near; otherwise all names. */
function among(field: string, all: ReadonlySet<string>): string {
  const near = [...all].find((f) => distance(f.toLowerCase(), field.toLowerCase()) <= Math.max(1, field.length / 3));
  return near ? `; did you mean '${near}'?` : `; there are ${[...all].join(', ')}`;
}

interface Word { readonly text: string; readonly at: number; readonly depth: number }

/** Comments, texts in each kind of quote, names, and brackets. */
const TOKEN = new RegExp([/\/\/[^\n]*|\/\*[^]*?\*\//, /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/, /[\w$]+|[{([\])}]/]
  .map((part) => part.source).join('|'), 'g');

/** Names and texts of a source with their bracket depth; comments are left out. */
function words(source: string): Word[] {
  const found: Word[] = [];
  let depth = 0;
  for (const { 0: token, index } of source.matchAll(TOKEN)) {
    if ('{[('.includes(token)) depth++;
    else if ('}])'.includes(token)) depth--;
    else if (!/^\/[/*]/.test(token)) found.push({ text: /^['"`]/.test(token) ? token.slice(1, -1) : token, at: index, depth });
  }
  return found;
}

/**
 * The line (from 1) of the last of these keys that a scenario's source contains, each inside the brackets of the one before. 0 for none.
 */
export function lineOf(source: string, where: readonly string[]): number {
  const all = words(source), start = all.findLastIndex((w, i) => w.text === 'defineScenario'
    && source.slice(w.at).startsWith('defineScenario(') && i > 0);
  let from = start, depth = (all[start]?.depth ?? -1) + 1, found = -1;
  for (const key of where) {
    const end = all.findIndex((w, i) => i > from && w.depth <= depth - 1), inside = (w: Word, i: number): boolean => i > from
      && (end < 0 || i < end || found < 0) && w.text === key;
    let next = all.findIndex((w, i) => inside(w, i) && w.depth === depth + 1);
    if (next < 0) next = all.findIndex((w, i) => inside(w, i) && w.depth > depth);
    if (next < 0) break;
    found = from = next;
    depth = all[next]!.depth;
  }
  return found < 0 ? 0 : source.slice(0, all[found]!.at).split('\n').length;
}
