/** `trace stats` as text: tables that fit 100 columns, widest numbers first. */
import { MODULES, SOURCES, bar } from './degradation.ts';
import type { Latency, Stats } from './stats.ts';

type Cell = string | number;

export function report(stats: Stats): string {
  const seconds = (stats.lastTime - stats.firstTime) / 1e9, rate = (n: number): Cell => (seconds > 0 ? Math.round(n / seconds) : '-');
  const parts = [`${stats.records} records, ${cycles(stats.lastTime - stats.firstTime)} cycles of virtual time`];
  if (stats.damage) parts.push(`note: ${stats.damage}`);
  parts.push(table('Tasks', ['task', 'threads', 'sent', 'events', 'replies', 'map', 'unmap', 'scheduled'],
    stats.tasks.map((t) => [t.task, t.threads, t.sent, t.events, t.replies, t.mapped, t.unmapped, t.scheduled])));
  parts.push(table('Messages', ['from', 'to', 'messages', 'replies', 'words', 'per s', 'median', 'p99'],
    stats.pairs.map((p) => [p.from, p.to, p.messages, p.replies, p.words, rate(p.messages), ...latency(p.latency)])));
  parts.push(table('Events', ['task', 'cause', 'events', 'replies', 'bytes', 'per s', 'median', 'p99'],
    stats.causes.map((c) => [c.task, c.cause, c.events, c.replies, c.bytes, rate(c.events), ...latency(c.latency)])));
  parts.push(table('System calls', ['task', 'call', 'events', 'replies', 'entries/call', 'switches/call', 'per s', 'median', 'p99'],
    stats.syscalls.map((call) => [
      call.task, call.name, call.events, call.replies, round(call.kernelEntriesPerCall), round(call.spaceSwitchesPerCall),
      rate(call.events), ...latency(call.latency)
    ])));
  parts.push(table('Devices', ['task', 'register', 'accesses', 'loads', 'stores', 'median', 'p99'],
    stats.devices.map((d) => [d.task, `${d.device}.${d.register}`, d.loads + d.stores, d.loads, d.stores, ...latency(d.latency)])));
  parts.push(table('SBI calls', ['task', 'call', 'calls', 'median', 'p99'],
    stats.sbi.map((c) => [c.task, c.call, c.calls, ...latency(c.latency)])));
  parts.push(table('Kernel objects', ['task', 'operation', 'calls', 'failed'],
    stats.operations.map((o) => [o.task, o.operation, o.count, o.failed])));
  parts.push(table('Time', ['task', 'mode', 'cycles', '% of time'],
    stats.time.map((t) => [t.task || '-', t.mode, Math.round(t.cycles), round(100 * t.share)])));
  parts.push(table('Monitors: cycles by source', ['monitor', ...SOURCES, 'guest', '% of guest'], stats.monitors.map((degradationRow) => [
    degradationRow.task, ...SOURCES.map((x) => Math.round(degradationRow.sources[x])), Math.round(degradationRow.guest),
      round((100 * SOURCES.reduce((n, x) => n + degradationRow.sources[x], 0)) / degradationRow.guest),
  ])));
  if (stats.monitors.length > 0) parts.push([
    '  (table walks cost no cycles here, so time elongation is not in these figures: tessera compare prices it)',
    ...stats.monitors.map((m) => `  ${m.task}: ${bar(m)}`)].join('\n'));
  parts.push(table('Monitors: by module', ['monitor', 'module', 'exits', 'cycles'],
    stats.monitors.flatMap((m) => MODULES.map((x) => [m.task, x, m.modules[x].exits, Math.round(m.modules[x].cycles)]))));
  parts.push(table('Shadow spaces', ['monitor', 'hidden faults', 'true or device', 'filled at a fence', 'made', 'found again',
    'entered first', 'gone'], stats.shadows.map((x) => [x.task, x.hidden, x.other, x.ahead, x.made, x.found, x.fresh, x.gone])));
  return parts.filter((p) => p !== '').join('\n\n') + '\n';
}

/** A table: first column left, numbers right; empty without lines. Sorted by the third column, largest first. */
export function table(title: string, head: string[], rows: Cell[][]): string {
  if (rows.length === 0) return '';
  const sorted = [...rows].sort((a, b) => Number(b[2]) - Number(a[2]));
  const all = [head, ...sorted.map((r) => r.map((c) => (typeof c === 'number' ? c.toLocaleString('en-US') : c)))];
  const width = head.map((_, i) => Math.max(...all.map((r) => r[i]!.length)));
  const line = (r: string[], numbers: Cell[]): string =>
    r.map((c, i) => (typeof numbers[i] === 'number' ? c.padStart(width[i]!) : c.padEnd(width[i]!))).join('  ').trimEnd();
  return [title, ...all.map((r, n) => '  ' + line(r, n === 0 ? sorted[0]! : sorted[n - 1]!))].join('\n');
}

const cycles = (n: number): string => Math.round(n).toLocaleString('en-US');
const round = (n: number): number => Math.round(n * 100) / 100;
const latency = (l: Latency | undefined): Cell[] => (l ? [Math.round(l.median), Math.round(l.p99)] : ['-', '-']);
