/** `trace stats` as text: tables that fit 100 columns, widest numbers first. */
import { MODULES, SOURCES, bar } from './degradation.ts';
import type { Latency, Stats } from './stats.ts';

type Cell = string | number;

export function report(s: Stats): string {
  const seconds = (s.lastTime - s.firstTime) / 1e9, rate = (n: number): Cell => (seconds > 0 ? Math.round(n / seconds) : '-');
  const parts = [`${s.records} records, ${cycles(s.lastTime - s.firstTime)} cycles of virtual time`];
  if (s.damage) parts.push(`note: ${s.damage}`);
  parts.push(table('Tasks', ['task', 'threads', 'sent', 'events', 'replies', 'map', 'unmap', 'scheduled'],
    s.tasks.map((t) => [t.task, t.threads, t.sent, t.events, t.replies, t.mapped, t.unmapped, t.scheduled])));
  parts.push(table('Messages', ['from', 'to', 'messages', 'replies', 'words', 'per s', 'median', 'p99'],
    s.pairs.map((p) => [p.from, p.to, p.messages, p.replies, p.words, rate(p.messages), ...latency(p.latency)])));
  parts.push(table('Events', ['task', 'cause', 'events', 'replies', 'bytes', 'per s', 'median', 'p99'],
    s.causes.map((c) => [c.task, c.cause, c.events, c.replies, c.bytes, rate(c.events), ...latency(c.latency)])));
  parts.push(table('System calls', ['task', 'call', 'events', 'replies', 'entries/call', 'switches/call', 'per s', 'median', 'p99'],
    s.syscalls.map((c) => [
      c.task, c.name, c.events, c.replies, round(c.kernelEntriesPerCall), round(c.spaceSwitchesPerCall), rate(c.events),
      ...latency(c.latency)
    ])));
  parts.push(table('Devices', ['task', 'register', 'accesses', 'loads', 'stores', 'median', 'p99'],
    s.devices.map((d) => [d.task, `${d.device}.${d.register}`, d.loads + d.stores, d.loads, d.stores, ...latency(d.latency)])));
  parts.push(table('SBI calls', ['task', 'call', 'calls', 'median', 'p99'],
    s.sbi.map((c) => [c.task, c.call, c.calls, ...latency(c.latency)])));
  parts.push(table('Kernel objects', ['task', 'operation', 'calls', 'failed'],
    s.operations.map((o) => [o.task, o.operation, o.count, o.failed])));
  parts.push(table('Time', ['task', 'mode', 'cycles', '% of time'],
    s.time.map((t) => [t.task || '-', t.mode, Math.round(t.cycles), round(100 * t.share)])));
  parts.push(table('Monitors: cycles by source', ['monitor', ...SOURCES, 'guest', '% of guest'], s.monitors.map((m) => [
    m.task, ...SOURCES.map((x) => Math.round(m.sources[x])), Math.round(m.guest),
      round((100 * SOURCES.reduce((n, x) => n + m.sources[x], 0)) / m.guest),
  ])));
  if (s.monitors.length > 0) parts.push(['  (table walks cost no cycles here: time elongation is not in these figures)',
    ...s.monitors.map((m) => `  ${m.task}: ${bar(m)}`)].join('\n'));
  parts.push(table('Monitors: by module', ['monitor', 'module', 'exits', 'cycles'],
    s.monitors.flatMap((m) => MODULES.map((x) => [m.task, x, m.modules[x].exits, Math.round(m.modules[x].cycles)]))));
  parts.push(table('Shadow spaces', ['monitor', 'hidden faults', 'true or device', 'filled at a fence', 'made', 'found again',
    'entered first', 'gone'], s.shadows.map((x) => [x.task, x.hidden, x.other, x.ahead, x.made, x.found, x.fresh, x.gone])));
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
