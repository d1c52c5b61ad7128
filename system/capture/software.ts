/**
 * Payload of the exits of a processor that a monitor performs in software: facts that are known only at that moment. At the exit: the
 * guest's instruction, and for a page fault the walks of the guest's tables and of their shadow; at the answer: the mode that the guest
 * believes in, and the walk of the shadow again. As text, one line per fact with its name.
 */
import type { PhysicalMemory } from '../../machine/api.ts';
import { belowFirst, follow, type ReadEntry, type Roots } from '../../machine/debug/walk.ts';
import { shadowLines, walkLines, walkOf } from '../../machine/debug/walked.ts';
import { Cause } from '../../microkernel/abi/index.ts';
import type { Thread } from '../../microkernel/objects/thread.ts';
import { pcOf, registersOf } from '../../microkernel/state/user.ts';
import { rootsOfThread, type Software } from '../panic/roots.ts';
import { Part, SBI, sbiExtensions } from '../../trace/index.ts';
import { peek, type Reader } from './peek.ts';

const PAGE = 4096, A0 = 10, A6 = 16, A7 = 17, SBI_WORDS = 7, MOST_BYTES = 64;
const encoder = new TextEncoder();
const entryReader = (memory: PhysicalMemory): ReadEntry => (pa) =>
  (memory.isRam(Number(pa), 8) ? dataOf(memory.view(Number(pa), 8)).getBigUint64(0, true) : undefined);
const dataOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const pcWord = (t: Thread): bigint => { const [low, high] = pcOf(t); return (BigInt(high! >>> 0) << 32n) | BigInt(low! >>> 0); };

/** Memory as the guest sees it, by its own tables; with its own instructions where the monitor has replaced them. */
export function guestReader(memory: PhysicalMemory, thread: Thread, { processor }: Software): Reader {
  const roots = rootsOfThread(thread), read = entryReader(memory);
  return (va, length) => {
    const out = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const at = BigInt(va + done), n = Math.min(PAGE - Number(BigInt.asUintN(12, at)), length - done);
      const gpa = follow(read, roots.first, BigInt.asUintN(64, at), (a) => belowFirst(read, roots, a), false);
      const pa = gpa === undefined ? undefined : belowFirst(read, roots, gpa);
      if (pa === undefined || !memory.isRam(Number(pa), n)) break;
      const piece = memory.view(Number(pa), n).slice();
      processor.restore(Number(gpa), piece);
      out.set(piece, done);
      done += n;
    }
    return out.subarray(0, done);
  };
}

type Put = (part: number, index: number, data: Uint8Array) => void;

/** Writes lines about an exit, and for a call to the firmware its words and text. Returns whether it is such a call. */
export function softwareExit(memory: PhysicalMemory, thread: Thread, software: Software, cause: number, put: Put): boolean {
  put(Part.lines, 0, encoder.encode(exitLines(memory, thread, software, cause).join('\n')));
  const isCall = cause === Cause.syscall && software.processor.privileged;
  if (isCall) firmwareCall(memory, registersOf(thread), software, put);
  return isCall;
}
/** Writes lines about the answer to an exit. */
export function softwareAnswer(memory: PhysicalMemory, t: Thread, software: Software, cause: number, put: Put): void {
  put(Part.lines, 0, encoder.encode(answerLines(memory, t, software, cause).join('\n')));
}

function firmwareCall(memory: PhysicalMemory, x: Int32Array, { processor, monitor }: Software, put: Put): void {
  put(Part.words, SBI, new Uint8Array(x.buffer, x.byteOffset + 8 * A0, 8 * SBI_WORDS));
  const row = sbiExtensions[x[2 * A7]! >>> 0]?.functions[x[2 * A6]! >>> 0], formats = row?.[1].split(' ').map((a) => a.split(':')[1]) ?? [];
  const length = formats.indexOf('n'), at = formats.indexOf('g');
  if (at < 0 || length < 0) return;
  const { base, va } = processor.ram, start = numberOf(x, A0 + at) - base + va;
  put(Part.bytes, at, peek(memory, monitor, start, Math.min(numberOf(x, A0 + length), MOST_BYTES)));
}
const numberOf = (x: Int32Array, n: number): number => x[2 * n + 1]! * 2 ** 32 + (x[2 * n]! >>> 0);

/** `name\ttext`. */
function exitLines(memory: PhysicalMemory, thread: Thread, software: Software, cause: number): string[] {
  const before = cause === Cause.syscall ? 4n : 0n, pc = pcWord(thread) - before, lines = [`mode\t${modeText(software)}`];
  const instruction = software.processor.instruction(pc);
  if (instruction !== undefined) lines.push(`instruction\t${instruction} at 0x${BigInt.asUintN(64, pc).toString(16)}`);
  if (cause === Cause.pageFault) {
    const va = BigInt.asUintN(64, faultAddress(thread));
    lines.push(...named('before', walkLines(walkOf(entryReader(memory), rootsOfThread(thread), va))));
  }
  return lines;
}
function answerLines(memory: PhysicalMemory, thread: Thread, software: Software, cause: number): string[] {
  const lines = [`mode\t${modeText(software)}, pc 0x${BigInt.asUintN(64, pcWord(thread)).toString(16)}`],
    { shadow } = rootsOfThread(thread);
  if (cause !== Cause.pageFault || shadow === undefined) return lines;
  const va = BigInt.asUintN(64, faultAddress(thread)), walk = walkOf(entryReader(memory), { first: 0n, shadow } satisfies Roots, va);
  return [...lines, ...named('after', shadowLines(va, walk.shadow!))];
}

const named = (name: string, lines: readonly string[]): string[] => lines.map((line) => `${name}\t${line}`);
const modeText = ({ processor }: Software): string => `the guest is in ${processor.privileged ? 'S' : 'U'} mode`;
const faultAddress = (t: Thread): bigint => (Math.abs(t.exit[1]!) >= 2 ** 53 ? t.exactValue : BigInt(t.exit[1]!));
