import { describe, expect, it } from 'vitest';
import { TraceFile } from '../index.ts';
import { recorded, story } from '../testing/traces.ts';
import { screen } from './screen.ts';
import { plain } from './text.ts';
import { windowOf } from './timeline.ts';
import { Viewer } from './viewer.ts';

const saved = new Map<string, string>();
function open(width = 80, height = 24, rounds = 40, filter = ''): Viewer {
  const viewer = new Viewer(new TraceFile(recorded(story(rounds))), 'story.trace', (name, text) => { saved.set(name, [...text].join('')); },
    filter);
  viewer.resize(width, height);
  settle(viewer);
  return viewer;
}
const settle = (v: Viewer): void => { while (v.busy) v.slice(); };
const keys = (v: Viewer, ...names: string[]): Viewer => { for (const name of names) { v.key(name); settle(v); } return v; };
const type = (v: Viewer, text: string): Viewer => { for (const c of text) v.key(c, c); return v; };
const shown = (v: Viewer): string => screen(v).map((l) => plain(l).trimEnd()).join('\n') + '\n';
const selected = (v: Viewer): number => v.trace.at(v.record).sequence;

describe('screens', () => {
  const sizes: [number, number][] = [[80, 23], [200, 59]];
  const cases: Record<string, string[]> = {
    list: ['down', 'down', 'b', 'down'], timeline: ['pagedown', 't', '+', '+', '+'], diagram: ['down', 'd'], statistics: ['s'], help: ['?']
  };
  const telling: Record<string, string> = {
    list: 'resumed after', timeline: 'a column', diagram: '◀╌', statistics: 'System calls', help: 'PgUp PgDn'
  };
  for (const [width, height] of sizes) for (const [name, pressed] of Object.entries(cases)) {
    it(`${name} at ${width}×${height + 1}`, () => {
      const text = shown(keys(open(width, height), ...pressed));
      expect(text.split('\n').length - 1).toBe(height);
      for (const row of text.split('\n')) expect(row.length).toBeLessThanOrEqual(width);
      expect(text).toContain(telling[name]);
    });
  }
  it('says in one line that the terminal is too small', () => {
    expect(shown(open(50, 10))).toBe('terminal too small: 50×10, wanted 60×16 (q quits)\n');
    expect(screen(open(20, 3)).length).toBe(1);
  });
  it('draws every view at every size without a line too many', () => {
    for (const mode of ['s', 't', 'd', '?', 'f', 'return', 'c'])
      for (const [width, height] of [[60, 16], [61, 17], [133, 20], [300, 100]] as const) {
      const lines = screen(keys(open(width, height, 3), mode));
      expect(lines.length).toBe(height);
      for (const line of lines) expect(plain(line).length).toBeLessThanOrEqual(width);
    }
  });
  it('shows a trace without records, and what is wrong with the file', () => {
    const empty = new Viewer(new TraceFile(recorded([])), 'empty', () => undefined);
    empty.resize(80, 23);
    for (const key of [
      'down', 'n', 'p', 'b', ' ', 'e', 't', '+', 'd', 's', '?', 'return', 'c', 'L', '>', '<', 'G'
    ]) { keys(empty, key); expect(screen(empty).length).toBe(23); }
    keys(empty, 'escape');
    expect(shown(empty)).toContain('no records in this file');
    const cut = new Viewer(new TraceFile(recorded(story(2)).subarray(0, 700)), 'cut', () => undefined);
    cut.resize(80, 23);
    expect(shown(cut)).toMatch(/the file ends inside a chunk|not closed/);
  });
});

describe('keys', () => {
  it('move by record, page and to the ends', () => {
    const viewer = open();
    expect([['down'], ['j'], ['pagedown'], ['up'], ['pageup'], ['end'], ['home'], ['up']].map(([k]) =>
      selected(keys(viewer, k!)))).toEqual([2, 3, 13, 12, 2, 560, 1, 1]);
  });
  it('jump along causality with n and p, and say when there is no further', () => {
    const viewer = keys(open(), 'down', 'n', 'n');
    expect(selected(viewer)).toBe(10);
    expect(keys(viewer, 'n').message).toContain('nothing follows');
    expect(selected(keys(viewer, 'p', 'p'))).toBe(2);
  });
  it('filter from the prompt, tell mistakes there and keep the selection near', () => {
    const viewer = keys(open(), 'end', 'f');
    type(viewer, 'kind:evnt');
    keys(viewer, 'return');
    expect(shown(viewer)).toContain("no kind 'evnt'; did you mean 'event'?");
    keys(viewer, 'backspace', 'backspace');
    type(viewer, 'e');
    keys(viewer, 'tab', 'return');
    expect(viewer.prompt).toBeUndefined();
    expect(viewer.rows.length).toBe(80);
    expect(selected(viewer)).toBe(557);
    keys(viewer, 'f', 'clear', 'return');
    expect(viewer.rows.length).toBe(560);
    expect(selected(viewer)).toBe(557);
  });
  it('search wraps around and says so', () => {
    const viewer = keys(open(), '/');
    type(viewer, 'interrupt');
    expect(selected(keys(viewer, 'return'))).toBe(14);
    expect(selected(keys(viewer, '*'))).toBe(28);
    keys(viewer, 'end', '*');
    expect([selected(viewer), viewer.message]).toEqual([14, 'search went on from the top']);
    keys(viewer, '/');
    type(viewer, 'nosuchword');
    expect(keys(viewer, 'return').message).toBe("nothing found for 'nosuchword'");
  });
  it('search with n and N as less does, until Escape forgets the search', () => {
    const viewer = keys(open(), '/');
    type(viewer, 'interrupt');
    expect(selected(keys(viewer, 'return'))).toBe(14);
    expect(selected(keys(viewer, 'n'))).toBe(28);
    expect(selected(keys(viewer, 'N'))).toBe(14);
    expect(keys(viewer, 'N').message).toBe('search went on from the end');
    expect(keys(viewer, 'escape').message).toContain('the search is forgotten');
    keys(viewer, 'home', 'down', 'n');
    expect(selected(viewer)).toBe(3);
  });
  it('leave a view with q, and the viewer only from the list', () => {
    const viewer = keys(open(), 't', 'q');
    expect([viewer.mode, viewer.finished]).toEqual(['list', false]);
    expect(keys(viewer, 'q').finished).toBe(true);
  });
  it('take the filter away with Escape', () => {
    const viewer = open(80, 24, 40, 'kind:interrupt');
    keys(viewer, 'escape');
    expect([viewer.rows.filter, viewer.message]).toEqual([undefined, 'the filter is gone']);
  });
  it('move the words of the list sideways where they do not fit', () => {
    const viewer = open();
    expect(shown(viewer)).not.toContain('runs, priority 100 ');
    expect(shown(keys(viewer, 'right', 'right'))).not.toContain('idle ⇒');
    expect(shown(keys(viewer, 'left', 'left'))).toContain('idle ⇒ sh.main');
  });
  it('say of a thread switch who stops and who runs', () => {
    const viewer = keys(open(), 'down', 'down', 'down');
    expect(shown(viewer)).toMatch(/> +4 +0\.120 schedule sh\.main ⇒ server/);
    expect(shown(viewer)).toMatch(/stops +sh\.main \(thread 12\)[\s\S]*runs +server \(thread 22\)/);
  });
  it('go to a record or a time', () => {
    const viewer = keys(open(), ':');
    type(viewer, '300');
    expect(selected(keys(viewer, 'return'))).toBe(300);
    keys(viewer, ':');
    type(viewer, 'time:10us');
    expect(selected(keys(viewer, 'return'))).toBe(71);
    keys(viewer, ':');
    type(viewer, '9999');
    expect(shown(keys(viewer, 'return'))).toContain("no record '9999'; there are 1 to 560");
  });
  it('set bookmarks and go between them', () => {
    const viewer = keys(open(), 'down', 'b', 'end', 'b', 'home', ']');
    expect(selected(viewer)).toBe(2);
    expect(selected(keys(viewer, ']'))).toBe(560);
    expect(keys(viewer, ']').message).toBe('no bookmark further on');
    expect(selected(keys(viewer, '['))).toBe(2);
  });
  it('write the span between mark and cursor as SVG', () => {
    const viewer = keys(open(), 'down', ' ', 'pagedown', 'e');
    expect(viewer.message).toBe('wrote trace-2-12.svg');
    expect(saved.get('trace-2-12.svg')).toContain('ecall openat');
  });
  it('zoom the timeline to the span, and out again', () => {
    const viewer = keys(open(200, 40), 'down', 'down', ' ', 'down', 'down', 'down', 'down'),
      [from, to] = viewer.span().map((n) => viewer.trace.at(n).time);
    keys(viewer, 't', 'z');
    expect(windowOf(viewer)).toEqual({ from, to });
    expect(windowOf(keys(viewer, '0')).to - windowOf(viewer).from).toBeGreaterThan(to! - from!);
    expect(keys(open(), 't', 'z').message).toContain('no span');
    let stopped = 0;
    viewer.suspend = () => { stopped++; };
    keys(viewer, 'ctrl-z');
    expect(stopped).toBe(1);
  });
  it('zoom the timeline around the selected record', () => {
    const viewer = keys(open(), 't', '+', '+', 'right', 'right');
    expect([viewer.zoom, selected(viewer)]).toEqual([2, 3]);
    expect(keys(viewer, '0', '-').zoom).toBe(0);
  });
  it('F keeps to the end of a recording that goes on', () => {
    const bytes = recorded(story(40)), viewer = new Viewer(new TraceFile(bytes.subarray(0, 6000)), 'growing', () => undefined,
      'kind:event');
    viewer.resize(80, 23);
    settle(viewer);
    const before = viewer.rows.length;
    keys(viewer, 'F');
    viewer.trace.append(bytes.subarray(viewer.trace.end));
    viewer.grown();
    settle(viewer);
    expect([before < 80, viewer.rows.length, selected(viewer), viewer.trace.closed, viewer.trace.damage]).toEqual([true, 80, 557, true,
      undefined]);
  });
  it('edit what is typed, and bring back what was typed before', () => {
    const viewer = keys(open(), 'f');
    type(viewer, 'kind:evnt');
    keys(viewer, 'left', 'left');
    type(viewer, 'e');
    keys(viewer, 'return', 'f', 'clear');
    type(viewer, 'task:sh kind:x');
    keys(viewer, 'word');
    expect(viewer.prompt!.text).toBe('task:sh ');
    keys(viewer, 'return', 'f', 'clear', 'up', 'up');
    expect(viewer.prompt!.text).toBe('kind:event');
    keys(viewer, 'down', 'home');
    type(viewer, '-kind:schedule ');
    expect(viewer.prompt!.text).toBe('-kind:schedule task:sh ');
    expect(screen(viewer).at(-2)!.map((r) => r.text).join('')).toContain('filter: -kind:schedule task:sh');
  });
  it('go into the work for a request and out again, and to the slowest', () => {
    const viewer = keys(open(), 'down', '>');
    expect(selected(viewer)).toBe(5);
    expect(selected(keys(viewer, '>'))).toBe(7);
    expect(selected(keys(viewer, '<'))).toBe(5);
    expect(selected(keys(viewer, '<'))).toBe(2);
    keys(viewer, '<');
    expect(viewer.message).toContain('not at work for somebody else');
    keys(viewer, 'f');
    type(viewer, 'kind:call');
    keys(viewer, 'return', 'L', 'L');
    expect([selected(viewer), viewer.message]).toEqual([19, 'number 2 by latency: 100 ns; L goes to the next slowest']);
  });
  it('show all about a record, and the critical path of a span', () => {
    const viewer = keys(open(), 'down', 'return');
    expect(shown(viewer)).toMatch(/Record 2\n[^]*Its chain\n> +2 +\+0 ns +sh.main → server: openat\n +3 [^]* 10 +\+500 ns/);
    expect(shown(keys(viewer, 'n', 'n'))).toMatch(/Record 10\n/);
    keys(viewer, 'escape', 'p', 'p', 'c');
    expect(shown(viewer)).toMatch(/What led to the end of the span\n[^]*call memory.create[^]*steps, 500 ns: /);
    expect(keys(viewer, 'c').mode).toBe('list');
    expect(keys(open(80, 24, 8000), ' ', 'end', 'c').message).toContain('too long for its critical path');
  });
  it('end a search that takes long', () => {
    const viewer = open();
    keys(viewer, '/');
    type(viewer, 'nowhere');
    viewer.key('return');
    expect(viewer.busy).toBe(true);
    viewer.key('escape');
    expect([viewer.busy, viewer.message]).toEqual([false, 'the search was ended']);
  });
  it('draw and write a span of very many records in slices', () => {
    const viewer = keys(open(80, 24, 4000), ' ', 'end');
    viewer.key('d');
    expect(shown(keys(viewer))).toMatch(/messages/);
    keys(viewer, 'd', 'e');
    expect(viewer.message).toBe('wrote trace-1-56000.svg');
    expect(saved.get('trace-1-56000.svg')).toContain('more times');
  });
  it('turn from table to table, the names on the left giving way on a narrow terminal', () => {
    const viewer = keys(open(60, 20), 's');
    for (let n = 0; n < 12; n++) {
      const bar = screen(keys(viewer, 'tab'))[1]!, chosen = bar.filter((r) => r.inverse);
      expect(chosen.length).toBe(1);
      expect(bar.reduce((sum, r) => sum + r.text.length, 0)).toBeLessThanOrEqual(60);
    }
  });
  it('quit', () => expect(keys(open(), 'q').finished).toBe(true));
});
