/**
 * A Mermaid sequence diagram of messages and events between tasks. Diagrams are for people, so it stops after `limit` arrows and says so.
 */
import type { TraceSource } from '../reader.ts';
import { visible } from '../visible.ts';
import { arrowOf } from './arrows.ts';

export function* mermaid(file: TraceSource, limit = 500): Generator<string> {
  yield 'sequenceDiagram\n';
  const ids = new Map<string, string>();
  const id = (task: string): string => ids.get(task) ?? '';
  let arrows = 0;
  for (const record of file.records()) {
    const line = arrowOf(file, record);
    if (!line) continue;
    for (const task of [line.from, line.to]) if (!ids.has(task)) yield `  participant ${newId(ids, task)} as ${plain(task)}\n`;
    if (++arrows > limit) { yield `  Note over ${id(line.from)}: … and more (the first ${limit} messages are shown)\n`; return; }
    yield `  ${id(line.from)}${line.reply ? '-->>' : '->>'}${id(line.to)}: ${plain(line.text)}\n`;
  }
}

/** Two tasks never share an identifier, whatever their names. */
function newId(ids: Map<string, string>, task: string): string {
  const name = `t_${task.replace(/[^A-Za-z0-9]/g, '_')}`, taken = new Set(ids.values());
  let id = name;
  for (let n = 2; taken.has(id); n++) id = `${name}_${n}`;
  ids.set(task, id);
  return id;
}

/** Escapes text: characters that Mermaid reads as an end of a statement, a directive, an entity or markup become entities. */
const plain = (text: string): string => visible(text).replace(/[;#<>&"'%{}`\\]|\bend\b/g, (c) => `#${c.charCodeAt(0)};${c.slice(1)}`);
