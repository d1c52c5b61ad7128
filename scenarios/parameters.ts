/** Parameters of a scenario: what `boot NAME --set key=value` may choose. */
import { distance } from './distance.ts';

/** `where`: keys that lead to the mistake, such as ['components', 'disk', 'memory']. */
export class ScenarioError extends Error {
  readonly where: readonly string[];
  constructor(message: string, where: readonly string[]) {
    super(message);
    this.where = where;
  }
}

export type Value = string | number | boolean;
export interface Parameter {
  /** The default. Its type is the parameter's: text, number or boolean. */
  readonly default: Value;
  /** All permitted values. */
  readonly values?: readonly Value[];
  /** Bounds of a number. */
  readonly least?: number;
  readonly most?: number;
  readonly doc: string;
}
export type Parameters = Readonly<Record<string, Parameter>>;
type Kind<T extends Value> = T extends string ? string : T extends number ? number : boolean;
/** A value of the right kind for each parameter. */
export type Values<P extends Parameters> = { readonly [K in keyof P]: Kind<P[K]['default']> };

/** The part of a scenario that parameters need. */
interface Parametrized { readonly name: string; readonly parameters?: Parameters }

const SWITCH: Readonly<Record<string, boolean>> = { true: true, on: true, yes: true, false: false, off: false, no: false };

/** `key=value` texts as values of the scenario's parameters. Throws ScenarioError, with the text in it. */
export function readSettings(scenario: Parametrized, texts: readonly string[]): Record<string, Value> {
  const all = scenario.parameters ?? {}, set: Record<string, Value> = {};
  for (const text of texts) {
    const at = text.indexOf('='), key = at < 0 ? text : text.slice(0, at);
    const parameter = Object.hasOwn(all, key) ? all[key]! : unknown(scenario, key);
    if (at < 0) throw new ScenarioError(`'${text}' gives no value: write ${key}=${String(parameter.default)}`, []);
    set[key] = read(key, parameter, text.slice(at + 1));
  }
  return set;
}

function unknown(scenario: Parametrized, key: string): never {
  const names = Object.keys(scenario.parameters ?? {}), near = names.find((n) => distance(n, key) <= Math.max(1, key.length / 3));
  const hint = names.length === 0 ? 'it has none' : near ? `did you mean '${near}'?` : `it has ${names.join(', ')}`;
  throw new ScenarioError(`'${key}' is no parameter of scenario '${scenario.name}'; ${hint}`, []);
}

function read(key: string, parameter: Parameter, text: string): Value {
  const kind = typeof parameter.default;
  const value = kind === 'number' ? (text.trim() === '' ? NaN : Number(text)) : kind === 'boolean' ? SWITCH[text.toLowerCase()] : text;
  const wrong = value === undefined ? `'${text}' is neither on nor off` : misfit(parameter, value);
  if (wrong) throw new ScenarioError(`${key}: ${wrong}`, []);
  return value!;
}

/** The mistake in a parameter's value; undefined when it is valid. */
export function misfit({ default: usual, values, least, most }: Parameter, value: unknown): string | undefined {
  const kind = typeof usual === 'boolean' ? 'true or false' : typeof usual;
  if (typeof value !== typeof usual || Number.isNaN(value)) return `'${String(value)}' is no ${kind}`;
  if (values && !values.includes(value as Value)) return `'${String(value)}' is none of ${values.map(String).join(', ')}`;
  if (least !== undefined && (value as number) < least) return `${String(value)} is below ${least}`;
  if (most !== undefined && (value as number) > most) return `${String(value)} is above ${most}`;
  return undefined;
}

/** Each parameter's value: as set, or the default. */
export function settled(parameters: Parameters, set: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(parameters).map(([key, p]) => [key, Object.hasOwn(set, key) ? set[key]! : p.default]));
}
