import { describe, expect, it } from 'vitest';
import { TraceDatabase, rowsText } from './sql/query.ts';
import {
  TraceFile, TraceRecorder, analyse, callReport, callTree, criticalPath, diffReport, jsonLines, mermaid, pathReport, perfetto,
  perfettoProtobuf, report, svg
} from './index.ts';
import { bytesOf, story } from './testing/traces.ts';
import { jsonText, visible, visibleLines } from './visible.ts';

/** What a guest calls things: escapes of terminals, markup, ends of lines and statements, directives, marks that turn text around. */
const EVIL = '\x1b]0;PWNED\x07\x1b[31m<script>alert(1)</script>"\'&--> %%{init: {}}%%\n'
  + 'click A href "javascript:alert(1)"\x9b31m\u202e\u2028;end\udc80';
const CONTROL = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/;

function traceOf(name: string): TraceFile {
  const parts: Uint8Array[] = [],
    recorder = new TraceRecorder({ write: (b) => parts.push(b.slice()), close: () => undefined },
      {
        words: {
          syscalls: { 56: [name, 'x'] }, labels: { 5: [name, '', ''] },
          devices: [{ name, of: name, base: 0, size: 2 ** 40, registers: { 0: name } }]
        }
      });
  [1, 2, 3].forEach((id) => recorder.name('task', id, 0, `${name}${id}`));
  for (let id = 10; id < 40; id++) recorder.name('thread', id, 1 + (id % 3), name);
  recorder.drain(bytesOf(story(3)), 1);
  recorder.close();
  return new TraceFile(new Uint8Array(Buffer.concat(parts)));
}

describe('text that somebody else has chosen', () => {
  it('shows what would steer a terminal, and leaves the rest', () => {
    expect(visible('plain, ä, 💥')).toBe('plain, ä, 💥');
    expect(visible(
      '\x1b[31m\n\r\t\0\x7f\x9b\u202e\ud800\udc9b')).toBe('\\e[31m\\n\\r\\t\\x00\\x7f\\x9b\\u202e\\ud800\\x9b'.replace('\\ud800\\x9b',
      visible('\ud800\udc9b')));
    expect(visible('\udc9b')).toBe('\\x9b');
    expect(visible(EVIL)).not.toMatch(CONTROL);
    expect(visible(visible(EVIL))).toBe(visible(EVIL));
    expect(visibleLines('a\n\x1bb')).toBe('a\n\\eb');
    expect(JSON.parse(jsonText({ x: EVIL }))).toEqual({ x: EVIL });
    expect(jsonText({ x: EVIL })).not.toMatch(CONTROL);
  });

  const trace = traceOf(EVIL);
  const sinks: Record<string, () => string> = {
    stats: () => report(analyse(trace)), calls: () => callReport(callTree(trace)),
    path: () => Array.from({ length: trace.length }, (_, to) => pathReport(trace, criticalPath(trace, 0, to))).join(''),
    diff: () => diffReport(trace, traceOf('other'), { record: 0, fields: ['actor'] }, ['a', 'b']),
    jsonl: () => [...jsonLines(trace)].join(''), mermaid: () => [...mermaid(trace)].join(''),
    svg: () => [...svg(trace)].join(''), perfetto: () => [...perfetto(trace)].join(''),
    protobuf: () =>
      [...perfettoProtobuf(trace)].map((piece) => Buffer.from(piece).toString('utf8').replace(/[\x00-\x1f\x7f]/g, '')).join('')
        .replace(/[\x80-\x9f]/g, ''),
  };
  it.each(Object.keys(sinks))('does no harm in %s', (name) => {
    const text = sinks[name]!();
    expect(text).toContain('PWNED');
    expect(text).not.toMatch(CONTROL);
  });
  it('is only text in a Mermaid diagram', () => {
    const lines = [...mermaid(trace)].join('').trimEnd().split('\n');
    expect(lines.every((line) =>
      /^(sequenceDiagram|  participant t_\w+ as .*|  t_\w+-?->>t_\w+: .*|  Note over t_\w+: .*)$/.test(line))).toBe(true);
    expect(lines.join('')).not.toMatch(/%%|<script|javascript:alert\(1\)"/);
  });
  it('has no markup in an SVG', () => {
    expect([...svg(trace)].join('')).not.toMatch(/<script/);
  });
  it('stays in its cell in SQL, as table and as CSV and as JSON', async () => {
    const db = await TraceDatabase.of(trace);
    for (const format of ['table', 'csv', 'json'] as const) {
      const text = [...rowsText(db.query("select name, char(27, 155) || '[31m' as own from objects"), format)].join('');
      expect(text).toContain('PWNED');
      expect(text).not.toMatch(CONTROL);
    }
    db.close();
  });
});
