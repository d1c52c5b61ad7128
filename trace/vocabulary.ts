/**
 * The meaning of numbers in a recording: the recorder writes the tables of the running servers into the file. So the trace code needs no
 * copy of them, and a file explains itself wherever it is opened. Without it, numbers have the names of `l4guest/abi` and `labels.ts`.
 */
import { visible } from './visible.ts';
import type { Symbols } from '../l4guest/abi/symbols.ts';

export interface DeviceWords {
  readonly name: string;
  /** Task of the monitor whose machine has the device. */
  readonly of: string;
  /** Guest-physical address and bytes of its window. */
  readonly base: number; readonly size: number;
  /** Names by offset. Between two offsets the lower one counts, with `+n`. */
  readonly registers: Readonly<Record<number, string>>;
}
export interface Vocabulary {
  /** System calls: number → name and argument formats of the call's row (`dir path:s flags:x`). */
  readonly syscalls?: Readonly<Record<number, readonly [name: string, args: string]>>;
  /** Words for values of arguments: by format name, bits or values → words. */
  readonly symbols?: Readonly<Record<string, Symbols>>;
  /** Error numbers → names without the E. */
  readonly errors?: Readonly<Record<number, string>>;
  /** Requests of servers: label → name, operands, words of the answer. */
  readonly labels?: Readonly<Record<number, readonly [name: string, operands: string, answers: string]>>;
  /** Devices of virtual machines. */
  readonly devices?: readonly DeviceWords[];
}

/** Parses a vocabulary from a file. Malformed input yields an empty vocabulary. */
export function vocabularyOf(text: string): Vocabulary {
  try {
    const parsed = JSON.parse(text, (_key, value: unknown) =>
      (typeof value === 'string' ? visible(value) : value)) as Record<string, unknown>;
    return {
      syscalls: rowsOf(parsed['syscalls'], (x) => texts(x, 2)) as Vocabulary['syscalls'],
      errors: rowsOf(parsed['errors'], isText) as Vocabulary['errors'],
      labels: rowsOf(parsed['labels'], (x) => texts(x, 3)) as Vocabulary['labels'],
      symbols: rowsOf(parsed['symbols'], isSymbols) as Vocabulary['symbols'],
      devices: Array.isArray(parsed['devices']) ? (parsed['devices'] as unknown[]).filter(isDevice) : [],
    };
  } catch {
    return {};
  }
}

const isText = (x: unknown): boolean => typeof x === 'string';
const texts = (x: unknown, count: number): boolean => Array.isArray(x) && x.length >= count && x.every(isText);
const isTable = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null && !Array.isArray(x);
const isSymbols = (x: unknown): boolean =>
  isTable(x) && isTable(x['words']) && Object.entries(x['words']).every(([n, w]) => /^-?\d+$/.test(n) && isText(w))
    && (x['mask'] === undefined || Number.isSafeInteger(x['mask']));
const isDevice = (x: unknown): x is DeviceWords =>
  isTable(x) && isText(x['name']) && isText(x['of']) && typeof x['base'] === 'number' && typeof x['size'] === 'number'
    && isTable(x['registers']) && Object.values(x['registers']).every(isText);
/** Keeps only well-formed entries, because a file of another version may have others. */
const rowsOf = (x: unknown, good: (row: unknown) => boolean): Record<string, unknown> =>
  (isTable(x) ? Object.fromEntries(Object.entries(x).filter(([, row]) => good(row))) : {});

/** The device and register at a guest-physical address of the machine that task `monitor` provides. */
export function registerAt(vocabulary: Vocabulary, monitor: string,
    address: number): { device: string; register: string; offset: number } | undefined {
  const device = vocabulary.devices?.find((x) => x.of === monitor && address >= x.base && address < x.base + x.size);
  if (!device) return undefined;
  const offset = address - device.base, at = Object.keys(device.registers).map(Number).filter((o) => o <= offset).sort((a, b) => b - a)[0];
  const register = at === undefined ? `+0x${offset.toString(16)}`
    : at === offset ? device.registers[at]!
    : `${device.registers[at]!}+0x${(offset - at).toString(16)}`;
  return { device: device.name, register, offset };
}
