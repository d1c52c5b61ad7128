/** A Mermaid sequence diagram of messages and events between tasks. Diagrams are for reading: it stops after `limit` arrows and says so. */
import { Cause, Kind, causeName } from '../../microkernel/abi/index.ts';
import type { TraceFile } from '../reader.ts';
import type { RecordView } from '../record.ts';
import { syscallName } from '../words.ts';

export function* mermaid(file: TraceFile, limit = 500): Generator<string> {
  yield 'sequenceDiagram\n';
  const known = new Set<string>();
  let arrows = 0;
  for (const r of file.records()) {
    const line = arrow(file, r);
    if (!line) continue;
    for (const task of [line.from, line.to]) if (!known.has(task)) { known.add(task); yield `  participant ${id(task)} as ${task}\n`; }
    if (++arrows > limit) { yield `  Note over ${id(line.from)}: … and more (the first ${limit} messages are shown)\n`; return; }
    yield `  ${id(line.from)}${line.reply ? '-->>' : '->>'}${id(line.to)}: ${line.text}\n`;
  }
}

const id = (task: string): string => 't_' + task.replace(/[^A-Za-z0-9]/g, '_');

function arrow(file: TraceFile, r: RecordView): { from: string; to: string; text: string; reply: boolean } | undefined {
  const from = file.taskOf(r.actor), to = file.taskOf(r.object);
  switch (r.kind) {
    case Kind.send: return { from, to, text: `send ${r.a}`, reply: false };
    case Kind.call: return { from, to, text: `call ${r.a}`, reply: false };
    case Kind.event: return { from, to, text: r.a === Cause.syscall ? `ecall ${syscallName(r.c)}` : `${causeName(r.a)} ${Math.abs(r.c).toString(16)}`, reply: false };
    case Kind.reply: return { from, to, text: 'reply', reply: true };
    case Kind.resume: return { from, to, text: 'resume', reply: true };
    default: return undefined;
  }
}
