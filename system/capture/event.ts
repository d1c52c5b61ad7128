/** Payload of events and their answers: system calls with the texts they point to, SBI calls, accesses to devices, page faults. */
import { Cause, type TraceSink } from '../../microkernel/abi/index.ts';
import type { PhysicalMemory } from '../../machine/api.ts';
import { calls } from '../../l4guest/abi/calls.ts';
import type { Thread } from '../../microkernel/objects/thread.ts';
import { pcNumber, registersOf } from '../../microkernel/state/user.ts';
import { Part, sbiExtensions } from '../../trace/index.ts';
import { decodeTransformed, type Access } from '../../vmm/interpreter/access.ts';
import { softwareOf } from '../panic/roots.ts';
import { peekList, peekText, readerOf, type Reader } from './peek.ts';
import { guestReader, softwareAnswer, softwareExit } from './software.ts';

/** The receiver of payload: the recorder. */
export interface PayloadSink extends TraceSink {
  payload(sequence: number, part: number, index: number, data: Uint8Array): void;
  /** Words of 64 bits, from word `first` of `halves`. */
  payloadWords(sequence: number, part: number, halves: Int32Array, first: number, count: number): void;
}
/** The argument formats of a call, by its number. */
const argumentsOf = new Map<number, string>(Object.values(calls).map(([nr, args]) => [nr, args]));


/** Captured bytes of a text or buffer; captured texts of a list. */
const Most = { text: 256, buffer: 64, list: 16 } as const;
/** Calls whose success has no result, because the program continues elsewhere. */
const EXEC: ReadonlySet<number> = new Set([221, 281]);
const A0 = 10, A6 = 16, A7 = 17, ARGS = 6, SBI_WORDS = 7;

/** Data of an event that its answer needs; one object per thread, reused. */
class Open {
  sequence = 0;
  cause = 0;
  number = 0;
  pc = 0;
  access: Access | undefined = undefined;
  /** The event is a call to the firmware by a guest's kernel whose processor is software. */
  isSbi = false;
  /** Address and length of the buffer that the call fills. */
  readonly args = new Float64Array(ARGS);
}

export class EventCapture {
  private readonly memory: PhysicalMemory;
  private readonly sink: PayloadSink;
  /** The open event of each thread. */
  private readonly open = new Map<number, Open>();
  constructor(memory: PhysicalMemory, sink: PayloadSink) { this.memory = memory; this.sink = sink; }

  /** `t` has raised the event in record `sequence`. */
  raised(sequence: number, thread: Thread, cause: number): void {
    const x = registersOf(thread);
    let open = this.open.get(thread.id);
    if (!open) this.open.set(thread.id, (open = new Open()));
    open.sequence = sequence;
    open.cause = cause;
    open.pc = pcNumber(thread);
    open.number = x[2 * A7]! >>> 0;
    open.access = undefined;
    const software = softwareOf(thread);
    open.isSbi = software ? softwareExit(this.memory, thread, software, cause, this.putTo(sequence)) : cause === Cause.sbi;
    if (software && open.isSbi) return;
    if (cause === Cause.syscall) this.systemCall(sequence, thread, x, open);
    else if (cause === Cause.sbi) this.sbiCall(sequence, thread, x, open.number);
    else if (cause !== Cause.startup && cause !== Cause.recall && cause !== Cause.wfi) {
      open.access = cause === Cause.guestPageFault ? decodeTransformed(thread.exit[3]!) : undefined;
      this.sink.payload(sequence, Part.words, 0,
        wordsOf([...thread.exit], open.pc, open.access?.store ? x.subarray(2 * open.access.register, 2 * open.access.register + 2)
          : undefined));
    }
  }
  /** Forgets a thread that has ended. */
  gone(thread: number): void { this.open.delete(thread); }

  /** The event is answered: record `sequence` resumes the thread with these registers. */
  resumed(sequence: number, thread: Thread, cause: number): void {
    const open = this.open.get(thread.id);
    if (!open || open.sequence !== cause || cause === 0) return;
    open.sequence = 0;
    const x = registersOf(thread), { access } = open, software = softwareOf(thread);
    if (software) softwareAnswer(this.memory, thread, software, open.cause, this.putTo(sequence));
    if (open.isSbi) this.sink.payloadWords(sequence, Part.result, x, A0, 2);
    else if (open.cause === Cause.syscall) this.systemResult(sequence, thread, x, open);
    else if (access && !access.store) this.sink.payloadWords(sequence, Part.result, x, access.register, 1);
  }

  private systemCall(sequence: number, thread: Thread, x: Int32Array, open: Open): void {
    this.sink.payloadWords(sequence, Part.words, x, A0, ARGS);
    const formats = formatsOf(argumentsOf.get(open.number));
    if (!formats.some) return;
    const read = this.readerFor(thread, Cause.syscall), { args } = open;
    for (let i = 0; i < ARGS; i++) args[i] = number(x, A0 + i);
    formats.list.forEach((format, i) => {
      const va = args[i]!;
      if (va === 0) return;
      if (format === 's') this.text(sequence, i, peekText(read, va, Most.text));
      else if (format === 'b') this.buffer(sequence, read, i, va, args[i + 1]!);
      else if (format === 'v') for (const text of peekList(read, va, Most.list, Most.text)) this.text(sequence, i, text);
    });
  }
  /** No result when the thread continues elsewhere: in a signal's handler, or by restarting the call. */
  private systemResult(sequence: number, thread: Thread, x: Int32Array, open: Open): void {
    if (pcNumber(thread) !== open.pc && !EXEC.has(open.number)) return;
    this.sink.payloadWords(sequence, Part.result, x, A0, 1);
    const at = formatsOf(argumentsOf.get(open.number)).filled, result = number(x, A0);
    if (at >= 0 && result > 0) this.buffer(sequence, this.readerFor(thread, Cause.syscall), at, open.args[at]!, result);
  }
  private sbiCall(sequence: number, thread: Thread, x: Int32Array, extension: number): void {
    this.sink.payloadWords(sequence, Part.words, x, A0, SBI_WORDS);
    const { list } = formatsOf(sbiExtensions[extension]?.functions[x[2 * A6]! >>> 0]?.[1]), length = list.indexOf('n'),
      at = list.indexOf('g');
    if (at >= 0) this.buffer(sequence, readerOf(this.memory, thread, Cause.sbi), at, number(x, A0 + at), number(x, A0 + length));
  }

  /** Memory as the thread's server sees it; a guest's memory by the guest's tables. */
  private readerFor(thread: Thread, cause: number): Reader {
    const software = softwareOf(thread);
    return software ? guestReader(this.memory, thread, software) : readerOf(this.memory, thread, cause);
  }
  private putTo(sequence: number) {
    return (part: number, index: number, data: Uint8Array): void => { this.sink.payload(sequence, part, index, data); };
  }
  private text(sequence: number, index: number, text: Uint8Array | undefined): void {
    if (text) this.sink.payload(sequence, Part.text, index, text);
  }
  private buffer(sequence: number, read: Reader, index: number, va: number, length: number): void {
    if (length > 0) this.sink.payload(sequence, Part.bytes, index, read(va, Math.min(length, Most.buffer)));
  }
}

/** Formats of the arguments of a row, whether any points to captured memory, and which one the call fills (-1 = none). */
interface Formats { readonly list: readonly (string | undefined)[]; readonly some: boolean; readonly filled: number }
const NONE: Formats = { list: [], some: false, filled: -1 }, POINTERS: ReadonlySet<string | undefined> = new Set(['s', 'b', 'v', 'r']);
const cache = new Map<string, Formats>();
function formatsOf(args: string | undefined): Formats {
  if (!args) return NONE;
  let formats = cache.get(args);
  if (!formats) {
    const list = args.split(' ').map((a) => a.split(':')[1]);
    cache.set(args, (formats = { list, some: list.some((f) => POINTERS.has(f)), filled: list.indexOf('r') }));
  }
  return formats;
}

/** A signed register as a number: exact below 2^53. */
const number = (x: Int32Array, r: number): number => x[2 * r + 1]! * 2 ** 32 + (x[2 * r]! >>> 0);
function wordsOf(exit: readonly number[], pc: number, value: Int32Array | undefined): Uint8Array {
  const bytes = new Uint8Array(8 * (exit.length + 1 + (value ? 1 : 0))), view = new DataView(bytes.buffer);
  [...exit, pc].forEach((v, i) => view.setBigUint64(8 * i, BigInt.asUintN(64, BigInt(Math.trunc(v))), true));
  if (value) { view.setInt32(bytes.length - 8, value[0]!, true); view.setInt32(bytes.length - 4, value[1]!, true); }
  return bytes;
}
