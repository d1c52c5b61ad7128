/** Records as the arrows of a sequence diagram: messages, events and their answers between tasks. */
import { Cause, Kind } from '../../microkernel/abi/index.ts';
import { eventWords, requestText } from '../said.ts';
import { Part, wordsOfPart } from '../payload.ts';
import type { TraceSource } from '../reader.ts';
import type { RecordView } from '../record.ts';

export interface Arrow { sequence: number; time: number; from: string; to: string; text: string; reply: boolean }

/** Undefined for records that cross no boundary. */
export function arrowOf(trace: TraceSource, record: RecordView): Arrow | undefined {
  const from = trace.taskOf(record.actor), to = trace.taskOf(record.object);
  const arrow = (text: string, reply = false): Arrow => ({ sequence: record.sequence, time: record.time, from, to, text, reply });
  switch (record.kind) {
    case Kind.send: return arrow(`send ${requestText(record)}`);
    case Kind.call: return arrow(`call ${requestText(record)}`);
    case Kind.event: return record.object === 0 ? undefined
      : arrow(record.a === Cause.syscall ? `ecall ${eventWords(record)}` : eventWords(record));
    case Kind.map: return arrow(record.a & 8 ? 'map capability' : 'map memory');
    case Kind.recall: return arrow('recall');
    case Kind.reply: return arrow('reply', true);
    case Kind.resume: return arrow(`resume${resultText(record)}`, true);
    default: return undefined;
  }
}

/** The first number of an answer, where captured. */
function resultText(record: RecordView): string {
  const part = record.source?.payload(record.sequence).find((p) => p.part === Part.result), words = part ? wordsOfPart(part) : [];
  if (words.length !== 1) return '';
  const value = BigInt.asIntN(64, words[0]!);
  return ` = ${value > -4096n && value < 4096n ? value : `0x${words[0]!.toString(16)}`}`;
}
