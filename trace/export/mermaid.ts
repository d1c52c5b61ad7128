/** A Mermaid sequence diagram of messages and events between tasks. Diagrams are for reading: it stops after `limit` arrows and says so. */
import type { TraceSource } from '../reader.ts';
import { arrowOf } from './arrows.ts';

export function* mermaid(file: TraceSource, limit = 500): Generator<string> {
  yield 'sequenceDiagram\n';
  const known = new Set<string>();
  let arrows = 0;
  for (const r of file.records()) {
    const line = arrowOf(file, r);
    if (!line) continue;
    for (const task of [line.from, line.to]) if (!known.has(task)) { known.add(task); yield `  participant ${id(task)} as ${task}\n`; }
    if (++arrows > limit) { yield `  Note over ${id(line.from)}: … and more (the first ${limit} messages are shown)\n`; return; }
    yield `  ${id(line.from)}${line.reply ? '-->>' : '->>'}${id(line.to)}: ${line.text}\n`;
  }
}

const id = (task: string): string => 't_' + task.replace(/[^A-Za-z0-9]/g, '_');
