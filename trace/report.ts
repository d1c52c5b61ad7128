/** `trace stats` as text: tables that fit 100 columns, widest numbers first. */
import type { Latency, Stats } from './stats.ts';
import { syscallName } from './words.ts';

type Cell = string | number;

export function report(s: Stats): string {
  const parts = [`${s.records} records, ${cycles(s.lastTime - s.firstTime)} cycles of virtual time`];
  if (s.damage) parts.push(`note: ${s.damage}`);
  parts.push(table('Tasks', ['task', 'threads', 'sent', 'events', 'replies', 'map', 'unmap', 'scheduled'],
    s.tasks.map((t) => [t.task, t.threads, t.sent, t.events, t.replies, t.mapped, t.unmapped, t.scheduled])));
  parts.push(table('Messages', ['from', 'to', 'messages', 'replies', 'words', 'median', 'p99'],
    s.pairs.map((p) => [p.from, p.to, p.messages, p.replies, p.words, ...latency(p.latency)])));
  parts.push(table('Events', ['task', 'cause', 'events', 'replies', 'bytes', 'median', 'p99'],
    s.causes.map((c) => [c.task, c.cause, c.events, c.replies, c.bytes, ...latency(c.latency)])));
  parts.push(table('System calls', ['task', 'call', 'events', 'replies', 'entries/call', 'switches/call', 'median', 'p99'],
    s.syscalls.map((c) => [c.task, syscallName(c.number), c.events, c.replies, round(c.kernelEntriesPerCall), round(c.spaceSwitchesPerCall), ...latency(c.latency)])));
  return parts.filter((p) => p !== '').join('\n\n') + '\n';
}

/** A table: first column left, numbers right; empty when there are no rows. Rows with most of the third column come first. */
export function table(title: string, head: string[], rows: Cell[][]): string {
  if (rows.length === 0) return '';
  const sorted = [...rows].sort((a, b) => Number(b[2]) - Number(a[2]));
  const all = [head, ...sorted.map((r) => r.map((c) => (typeof c === 'number' ? c.toLocaleString('en-US') : c)))];
  const width = head.map((_, i) => Math.max(...all.map((r) => r[i]!.length)));
  const line = (r: string[], numbers: Cell[]): string => r.map((c, i) => (typeof numbers[i] === 'number' ? c.padStart(width[i]!) : c.padEnd(width[i]!))).join('  ').trimEnd();
  return [title, ...all.map((r, n) => '  ' + line(r, n === 0 ? sorted[0]! : sorted[n - 1]!))].join('\n');
}

const cycles = (n: number): string => Math.round(n).toLocaleString('en-US');
const round = (n: number): number => Math.round(n * 100) / 100;
const latency = (l: Latency | undefined): Cell[] => (l ? [Math.round(l.median), Math.round(l.p99)] : ['-', '-']);
