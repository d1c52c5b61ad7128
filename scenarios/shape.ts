/** The type of each field of a scenario, because a file may be plain JavaScript without type checks. */

/** The expected type when a value is wrong; undefined when it is right. */
type Shape = (value: unknown) => string | undefined;

const kind = (what: string, holds: (value: unknown) => boolean): Shape => (value) => (holds(value) ? undefined : what);
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';

const isPositive = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value > 0;

const text = kind('a text', isText);
const flag = kind('true or false', (value) => typeof value === 'boolean');
const number = kind('a number', (value) => typeof value === 'number' && Number.isFinite(value));
const count = kind('a whole number', (value) => Number.isSafeInteger(value) && (value as number) >= 0);
const sizes = kind("a size such as '4M'", (value) => isText(value) || typeof value === 'number');
const texts = kind('a list of texts', (value) => Array.isArray(value) && value.every(isText));
const list = kind('a list', Array.isArray);
const record = kind('an object', isRecord);
const textRecord = kind('an object with texts', (value) => isRecord(value) && Object.values(value).every(isText));
const sources = kind("an object whose values are texts or { from, label }", (value) => isRecord(value)
  && Object.values(value).every((v) => isText(v) || (isRecord(v) && isText(v['from']) && isText(v['label']))));
const program = kind('a program, or { elf: module }', (value) => isRecord(value)
  && (isText(value['elf']) || (isText(value['name']) && typeof value['main'] === 'function')));
const optionalText = (value: unknown) => value === undefined || isText(value);
const expectations = kind('a list of { text, from? }', (value) => Array.isArray(value)
  && value.every((e) => isRecord(e) && isText(e['text']) && optionalText(e['from'])));
const actions = kind('a list of { kill, afterMs? or afterText? }', (value) => Array.isArray(value)
  && value.every((a) => isRecord(a) && isText(a['kill']) && optionalText(a['afterText'])));
const optional = (shape: Shape) => (value: unknown) => value === undefined || shape(value) === undefined;
const conditions = (value: Record<string, unknown>) => optional(expectations)(value['expect']) && optional(holdings)(value['holds']);
const isHolding = (h: unknown) => isRecord(h) && isText(h['why']) && isText(h['filter']) !== isText(h['sql'])
  && ['exactly', 'atLeast', 'atMost'].every((b) => h[b] === undefined || typeof h[b] === 'number');
const holdings = kind('a list of { filter or sql, exactly? atLeast? atMost?, why }', (value) => Array.isArray(value)
  && value.every(isHolding));
const WAYS: readonly unknown[] = [undefined, 'finished', 'budget', 'deadlock'];
const isEnding = (e: unknown) => isRecord(e) && isText(e['why']) && WAYS.includes(e['by']) && optional(count)(e['status']) && conditions(e);
const endings = kind("an object whose values are { why, status?, by?: 'finished', 'budget' or 'deadlock', expect?, holds? }",
  (value) => isRecord(value) && Object.values(value).every(isEnding));
const isValue = (value: unknown) => isText(value) || typeof value === 'number' || typeof value === 'boolean';
const isParameter = (p: unknown) => isRecord(p) && isValue(p['default']) && isText(p['doc'])
  && (p['values'] === undefined || (Array.isArray(p['values']) && p['values'].every(isValue)));
const parameters = kind('an object whose values are { default, values?, least?, most?, doc }', (value) => isRecord(value)
  && Object.values(value).every(isParameter));
const twin = kind('{ set: { parameter: value }, ending }', (value) => isRecord(value) && isText(value['ending'])
  && isRecord(value['set']) && Object.values(value['set']).every(isValue));
const builder = kind('a function of the parameters', (value) => typeof value === 'function');
const time = kind('{ ms, everyMs } with 0 < ms <= everyMs', (value) => isRecord(value) && isPositive(value['ms'])
  && isPositive(value['everyMs'])
  && value['ms'] <= value['everyMs']);
const either = (what: string, ...shapes: Shape[]) => kind(what, (value) => shapes.some((shape) => shape(value) === undefined));
const equals = (wanted: unknown) => kind(String(wanted), (value) => value === wanted);

export const SCENARIO: Readonly<Record<string, Shape>> = {
  name: text, summary: text, components: record, status: text, log: text, expect: expectations, holds: holdings, endings, actions,
    budget: number, ram: sizes, harts: count, cpu: text, guestState: kind("'kept' or 'copied'",
      (value) => value === 'kept' || value === 'copied'), files: textRecord, images: textRecord, nets: texts, disks: texts, mounts: texts,
    terminals: count,
  story: text, parameters, build: builder, twin,
};
export const COMPONENT: Readonly<Record<string, Shape>> = {
  program, args: record, caps: sources, memory: sizes, kernelMemory: sizes, roms: either('a list of texts, or true', texts,
    equals(true)), devices: texts, dma: flag, priority: number, time, hart: count, harts: list, provides: texts,
  restart: count, exit: either("a whole number, or 'any'", count, equals('any')),
};

/** The first field of a wrong type: its name and the message. */
export function wrongShape(value: object, shapes: Readonly<Record<string, Shape>>): { field: string; what: string } | undefined {
  for (const [field, given] of Object.entries(value)) {
    const should = given === undefined || !Object.hasOwn(shapes, field) ? undefined : shapes[field]!(given);
    if (should !== undefined) return { field, what: `${field} is not ${should}` };
  }
  return undefined;
}
