/** Payload of events and their answers: system calls with the texts they point to, SBI calls, accesses to devices, page faults. */
import { Cause } from '../../microkernel/abi/index.ts';
import type { PhysicalMemory } from '../../machine/api.ts';
import { byNumber } from '../../l4guest/syscalls/table.ts';
import type { Thread } from '../../microkernel/obj/thread.ts';
import { pcNumber, registersOf } from '../../microkernel/state/user.ts';
import { Part, sbiExtensions } from '../../trace/index.ts';
import { decodeTransformed, type Access } from '../../vmm/interpreter/access.ts';
import { peekList, peekText, readerOf, type Reader } from './peek.ts';

export type Put = (sequence: number, part: number, index: number, data: Uint8Array) => void;

/** Bytes of a text or buffer that are kept; texts of a list. */
const Most = { text: 256, buffer: 64, list: 16 } as const;
/** Calls that go on elsewhere when they succeed. */
const EXEC: ReadonlySet<number> = new Set([221, 281]);
const A0 = 10, A6 = 16, A7 = 17, ARGS = 6, SBI_WORDS = 7;

/** What an event leaves for its answer. */
interface Open { readonly sequence: number; readonly cause: number; readonly number: number; readonly pc: number; readonly args: readonly number[]; readonly access: Access | undefined }

export class EventCapture {
  private readonly memory: PhysicalMemory;
  private readonly put: Put;
  /** By thread. */
  private readonly open = new Map<number, Open>();
  constructor(memory: PhysicalMemory, put: Put) { this.memory = memory; this.put = put; }

  /** `t` has raised an event that is record `sequence`. */
  raised(sequence: number, t: Thread, cause: number): void {
    const x = registersOf(t), pc = pcNumber(t), open = { sequence, cause, pc, number: x[2 * A7]! >>> 0, args: Array.from({ length: ARGS }, (_, i) => number(x, A0 + i)), access: undefined as Access | undefined };
    if (cause === Cause.syscall) this.systemCall(sequence, t, x, open.number, open.args);
    else if (cause === Cause.sbi) this.sbiCall(sequence, t, x, open.number, open.args);
    else if (cause !== Cause.startup && cause !== Cause.recall && cause !== Cause.wfi) {
      open.access = cause === Cause.guestPageFault ? decodeTransformed(t.exit[3]!) : undefined;
      this.put(sequence, Part.words, 0, wordsOf([...t.exit], pc, open.access?.store ? x.subarray(2 * open.access.register, 2 * open.access.register + 2) : undefined));
    }
    this.open.set(t.id, open);
  }

  /** … and is resumed by record `sequence`; its registers are those it goes on with. */
  resumed(sequence: number, t: Thread, cause: number): void {
    const open = this.open.get(t.id);
    this.open.delete(t.id);
    if (!open || open.sequence !== cause) return;
    const x = registersOf(t), { access } = open;
    if (open.cause === Cause.syscall) this.systemResult(sequence, t, x, open);
    else if (open.cause === Cause.sbi) this.put(sequence, Part.result, 0, registers(x, A0, 2));
    else if (access && !access.store) this.put(sequence, Part.result, 0, registers(x, access.register, 1));
  }

  private systemCall(sequence: number, t: Thread, x: Int32Array, nr: number, args: readonly number[]): void {
    this.put(sequence, Part.words, 0, registers(x, A0, ARGS));
    const formats = formatsOf(byNumber[nr]?.args), read = readerOf(this.memory, t, Cause.syscall);
    for (let i = 0; i < formats.length; i++) {
      const va = args[i]!, format = formats[i];
      if (va === 0) continue;
      if (format === 's') this.text(sequence, i, peekText(read, va, Most.text));
      else if (format === 'b') this.buffer(sequence, read, i, va, args[i + 1]!);
      else if (format === 'v') for (const text of peekList(read, va, Most.list, Most.text)) this.text(sequence, i, text);
    }
  }
  /** No result when the thread goes on elsewhere: in a signal's handler, or once more with the call. */
  private systemResult(sequence: number, t: Thread, x: Int32Array, open: Open): void {
    if (pcNumber(t) !== open.pc && !EXEC.has(open.number)) return;
    this.put(sequence, Part.result, 0, registers(x, A0, 1));
    const formats = formatsOf(byNumber[open.number]?.args), result = number(x, A0), at = formats.indexOf('r');
    if (at >= 0 && result > 0) this.buffer(sequence, readerOf(this.memory, t, Cause.syscall), at, open.args[at]!, result);
  }
  private sbiCall(sequence: number, t: Thread, x: Int32Array, extension: number, args: readonly number[]): void {
    this.put(sequence, Part.words, 0, registers(x, A0, SBI_WORDS));
    const formats = formatsOf(sbiExtensions[extension]?.functions[x[2 * A6]! >>> 0]?.[1]), length = formats.indexOf('n'), at = formats.indexOf('g');
    if (at >= 0) this.buffer(sequence, readerOf(this.memory, t, Cause.sbi), at, args[at]!, args[length]!);
  }

  private text(sequence: number, index: number, text: Uint8Array | undefined): void { if (text) this.put(sequence, Part.text, index, text); }
  private buffer(sequence: number, read: Reader, index: number, va: number, length: number): void {
    if (length > 0) this.put(sequence, Part.bytes, index, read(va, Math.min(length, Most.buffer)));
  }
}

const cache = new Map<string, readonly (string | undefined)[]>();
/** The format of each argument. */
function formatsOf(args: string | undefined): readonly (string | undefined)[] {
  if (!args) return [];
  let formats = cache.get(args);
  if (!formats) cache.set(args, (formats = args.split(' ').map((a) => a.split(':')[1])));
  return formats;
}

/** A signed register as a number: exact below 2^53. */
const number = (x: Int32Array, r: number): number => x[2 * r + 1]! * 2 ** 32 + (x[2 * r]! >>> 0);
function registers(x: Int32Array, first: number, count: number): Uint8Array {
  const halves = x.slice(2 * first, 2 * (first + count));
  return new Uint8Array(halves.buffer);
}
function wordsOf(exit: readonly number[], pc: number, value: Int32Array | undefined): Uint8Array {
  const bytes = new Uint8Array(8 * (exit.length + 1 + (value ? 1 : 0))), view = new DataView(bytes.buffer);
  [...exit, pc].forEach((v, i) => view.setBigUint64(8 * i, BigInt.asUintN(64, BigInt(Math.trunc(v))), true));
  if (value) { view.setInt32(bytes.length - 8, value[0]!, true); view.setInt32(bytes.length - 4, value[1]!, true); }
  return bytes;
}
