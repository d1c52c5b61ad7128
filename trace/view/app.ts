/** The viewer on a terminal: keys, clicks and sizes go in, lines come out, long work is done between them. */
import { createElement as h, useEffect, useReducer, type ReactElement } from 'react';
import { Box, Text, useApp, useInput, useStdout, type Key } from 'ink';
import { clicks } from './mouse.ts';
import { screen } from './screen.ts';
import type { Line } from './text.ts';
import type { Viewer } from './viewer.ts';

/** Names of keys that type nothing, as `Viewer.key` wants them. */
const named: [keyof Key, string][] = [
  ['upArrow', 'up'], ['downArrow', 'down'], ['leftArrow', 'left'], ['rightArrow', 'right'], ['pageUp', 'pageup'], ['pageDown', 'pagedown'], ['home', 'home'], ['end', 'end'],
  ['return', 'return'], ['escape', 'escape'], ['tab', 'tab'], ['backspace', 'backspace'], ['delete', 'delete'],
];
const controls: Record<string, string> = { c: 'ctrl-c', u: 'clear', f: 'pagedown', b: 'pageup' };

/** Control characters in the middle of a piece of input. */
const pasted: Record<string, string> = { '\r': 'return', '\n': 'return', '\t': 'tab', '\x15': 'clear', '\x1b': 'escape', '\x7f': 'backspace' };

/** Milliseconds between two screens while work goes on that no key asked for. */
const PROGRESS = 120;

/** `colours` false leaves colours out; inverse and bold stay. */
export function App({ viewer, colours }: { viewer: Viewer; colours: boolean }): ReactElement {
  const [, redraw] = useReducer((n: number) => n + 1, 0), { exit } = useApp(), { stdout } = useStdout();
  useInput((input, key) => {
    type(viewer, input, key);
    if (viewer.finished) exit();
    else { redraw(); viewer.changed(); }
  });
  useEffect(() => {
    const onResize = (): void => { viewer.resize(stdout.columns, stdout.rows - 1); redraw(); };
    stdout.on('resize', onResize);
    return () => { stdout.off('resize', onResize); };
  }, [viewer, stdout]);
  useEffect(() => workLoop(viewer, redraw), [viewer]);
  return h(Box, { flexDirection: 'column' }, ...screen(viewer).map((line, n) => h(Row, { key: n, line, colours })));
}

/** Does the viewer's work in slices whenever there is some, and shows how it goes; answers what ends it. */
function workLoop(viewer: Viewer, redraw: () => void): () => void {
  let timer: NodeJS.Timeout | undefined, drawn = 0;
  const slice = (): void => {
    timer = undefined;
    viewer.slice();
    const now = performance.now();
    if (!viewer.busy || now - drawn > PROGRESS) { drawn = now; redraw(); }
    if (viewer.busy) timer = setTimeout(slice, 1);
  };
  viewer.changed = () => { if (viewer.busy) timer ??= setTimeout(slice, 1); else redraw(); };
  viewer.changed();
  return () => { clearTimeout(timer); viewer.changed = () => undefined; };
}

function Row({ line, colours }: { line: Line; colours: boolean }): ReactElement {
  const runs = line.length ? line : [{ text: ' ' }];
  return h(Text, { wrap: 'truncate' }, ...runs.map((run, n) => h(Text, { key: n, color: colours ? run.color : undefined, bold: run.bold, dimColor: run.dim, inverse: run.inverse }, run.text || ' ')));
}

/** Several characters may come at once (pasted, or typed faster than drawn): in a prompt as text, elsewhere one key each. */
function type(viewer: Viewer, input: string, key: Key): void {
  const name = named.find(([flag]) => key[flag])?.[1], mouse = clicks(input);
  if (mouse) for (const event of mouse) viewer.mouse(event);
  else if (name) viewer.key(name);
  else if (key.ctrl) viewer.key(controls[input] ?? '');
  else for (const c of input) if (c >= ' ') viewer.key(c, c); else viewer.key(pasted[c] ?? '');
}
