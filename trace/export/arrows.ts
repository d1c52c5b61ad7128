/** Records as the arrows of a sequence diagram: messages, events and their answers between tasks. */
import { Cause, Kind } from '../../microkernel/abi/index.ts';
import { eventWords, requestText } from '../said.ts';
import { Part, wordsOfPart } from '../payload.ts';
import type { TraceSource } from '../reader.ts';
import type { RecordView } from '../record.ts';

export interface Arrow { sequence: number; time: number; from: string; to: string; text: string; reply: boolean }

/** Undefined for records that cross no boundary. */
export function arrowOf(trace: TraceSource, r: RecordView): Arrow | undefined {
  const from = trace.taskOf(r.actor), to = trace.taskOf(r.object);
  const arrow = (text: string, reply = false): Arrow => ({ sequence: r.sequence, time: r.time, from, to, text, reply });
  switch (r.kind) {
    case Kind.send: return arrow(`send ${requestText(r)}`);
    case Kind.call: return arrow(`call ${requestText(r)}`);
    case Kind.event: return r.object === 0 ? undefined : arrow(r.a === Cause.syscall ? `ecall ${eventWords(r)}` : eventWords(r));
    case Kind.map: return arrow(r.a & 8 ? 'map capability' : 'map memory');
    case Kind.recall: return arrow('recall');
    case Kind.reply: return arrow('reply', true);
    case Kind.resume: return arrow(`resume${resultText(r)}`, true);
    default: return undefined;
  }
}

/** The first number of an answer, where captured. */
function resultText(r: RecordView): string {
  const part = r.source?.payload(r.sequence).find((p) => p.part === Part.result), words = part ? wordsOfPart(part) : [];
  if (words.length !== 1) return '';
  const value = BigInt.asIntN(64, words[0]!);
  return ` = ${value > -4096n && value < 4096n ? value : `0x${words[0]!.toString(16)}`}`;
}
