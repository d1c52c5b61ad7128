/**
 * Reports a panic in a virtual machine of a system at the moment its monitor reports it: the guest's processors are stopped in their exits.
 */
import { Cause, Kind, TRACE_RECORD, causeName } from '../../microkernel/abi/index.ts';
import { createDecoder } from '../../hardware/isa/decode.ts';
import { disassembleWord } from '../../hardware/isa/disassemble.ts';
import { FULL_ISA } from '../../hardware/isa/table.ts';
import { cyclesText } from '../../trace/decode.ts';
import { RecordView, type TraceSource } from '../../trace/record.ts';
import { eventWords } from '../../trace/said.ts';
import type { Thread } from '../../microkernel/objects/thread.ts';
import { RAM_BASE } from '../../vmm/ram.ts';
import type { System } from '../system.ts';
import { vocabularyFor } from '../vocabulary.ts';
import { processorOfThread, virtualProcessors } from './guests.ts';
import { softwareOf } from './roots.ts';
import { kallsyms } from './kallsyms.ts';
import { FunctionNames } from './names.ts';
import { panicReport } from './report.ts';

/** Records of the kernel's ring to search, and exits to show. */
const decode = createDecoder(FULL_ISA);
const LOOKED_AT = 16384, EXITS = 8;
/** Bytes of guest memory to search for the kernel's own symbols. */
const SEARCHED = 256 * 2 ** 20;

/** `symbols`: those of the kernel's file and of the user; the kernel's own in-memory symbols are added. */
export function guestPanic(system: System, component: string, said: string, symbols: Iterable<readonly [string, number]> = []): string {
  const threads = virtualProcessors(system, component), names = new FunctionNames(),
    exits = lastExits(system, component, threads.map((t) => t.id));
  names.add(symbols);
  const ram = names.size === 0 && threads[0] ? guestRam(system, threads[0]) : undefined;
  if (ram) names.add(kallsyms(ram) ?? []);
  return panicReport({ who: component, said, processors: threads.map((t, i) => processorOfThread(system, t, i)),
    last: Math.max(0, threads.findIndex((t) => t.id === exits.last)), names, exits: exits.lines });
}

/** The beginning of the guest's memory, as far as it is contiguous; without a second stage it is a part of its monitor's. */
function guestRam({ machine: { memory } }: System, thread: Thread): Uint8Array | undefined {
  const software = softwareOf(thread), { space } = software?.monitor ?? thread.task, start = software?.processor.ram.va ?? RAM_BASE;
  const placeOf = (va: number): number | undefined => {
    const leaf = space.leaf(va);
    return leaf && leaf.pa + va - leaf.va;
  };
  const first = placeOf(start);
  let size = 0;
  for (const step = 2 ** 21; first !== undefined && size < SEARCHED && placeOf(start + size) === first + size
    && memory.isRam(first + size, step); ) size += step;
  return size === 0 ? undefined : memory.view(first!, size);
}

/** Exits from the kernel's ring, oldest first, and the thread of the last exit. */
function lastExits(system: System, component: string, threads: readonly number[]): { lines: string[]; last: number } {
  const bytes = system.kernel.trace.tail(LOOKED_AT), lines: { text: string; time: number; times: number }[] = [], record = new RecordView();
  const who = new Map(threads.map((id, i) => [id, i]));
  record.source = { words: vocabularyFor(system.scenario), taskOf: () => component, payload: () => [], names: new Map(),
    name: (id) => (who.has(id) ? `${component} vCPU ${who.get(id)}` : ''),
    damage: undefined, records: function* () { /* none */ } } satisfies TraceSource;
  let last = 0;
  for (let at = 0; at < bytes.length; at += TRACE_RECORD) {
    record.at(bytes, at, 0);
    const vcpu = record.kind === Kind.event ? who.get(record.actor) : undefined;
    if (vcpu === undefined) continue;
    const cause = causeName(record.a as Cause), words = record.a === Cause.illegal ? disassembleWord(decode, record.c | 0)
      : eventWords(record),
      text = `${threads.length > 1 ? `vCPU ${vcpu}: ` : ''}${cause}${words === cause ? '' : `: ${words}`}`, before = lines.at(-1);
    last = record.actor;
    if (before?.text === text) { before.times++; before.time = record.time; } else lines.push({ text, time: record.time, times: 1 });
  }
  return { last, lines: lines.slice(-EXITS).map(({ text, time, times }) =>
    `${cyclesText(time)}: ${text}${times > 1 ? ` (${times} times)` : ''}`) };
}
