/**
 * What numbers mean in a recording: the rows of the servers that were running, written into the file by who recorded it. So the trace needs
 * no copy of the servers' tables, and a file explains itself wherever it is opened. Without it, numbers have the names of `words.ts` and `labels.ts`.
 */
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
  /** System calls: number → name and arguments as the row that dispatches it has them (`dir path:s flags:x`). */
  readonly syscalls?: Readonly<Record<number, readonly [name: string, args: string]>>;
  /** Words for values of arguments: by format name, bits or values → words. */
  readonly symbols?: Readonly<Record<string, Symbols>>;
  /** Error numbers → names without the E. */
  readonly errors?: Readonly<Record<number, string>>;
  /** Requests of servers: label → name and operands. */
  readonly labels?: Readonly<Record<number, readonly [name: string, operands: string]>>;
  /** Devices of virtual machines. */
  readonly devices?: readonly DeviceWords[];
}
/** `mask`: the values of these bits are one field, the others are flags. Without a mask all are flags; mask -1: a plain enumeration. */
export interface Symbols { readonly mask?: number; readonly words: Readonly<Record<number, string>> }

/** A vocabulary out of a file: whatever is not one is none. */
export function vocabularyOf(text: string): Vocabulary {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}

/** The device and register at a guest-physical address of the machine that task `monitor` provides. */
export function registerAt(v: Vocabulary, monitor: string, address: number): { device: string; register: string; offset: number } | undefined {
  const d = v.devices?.find((x) => x.of === monitor && address >= x.base && address < x.base + x.size);
  if (!d) return undefined;
  const offset = address - d.base, at = Object.keys(d.registers).map(Number).filter((o) => o <= offset).sort((a, b) => b - a)[0];
  const register = at === undefined ? `+0x${offset.toString(16)}` : at === offset ? d.registers[at]! : `${d.registers[at]!}+0x${(offset - at).toString(16)}`;
  return { device: d.name, register, offset };
}
