/** The viewer on a terminal: keys and sizes go in, lines come out, long work is done between them. */
import { createElement as h, useEffect, useReducer, type ReactElement } from 'react';
import { Box, Text, useApp, useInput, useStdout, type Key } from 'ink';
import { screen } from './screen.ts';
import type { Line } from './text.ts';
import type { Viewer } from './viewer.ts';

/** Names of keys that type nothing, as `Viewer.key` wants them. */
const named: [keyof Key, string][] = [
  ['upArrow', 'up'], ['downArrow', 'down'], ['leftArrow', 'left'], ['rightArrow', 'right'], ['pageUp', 'pageup'], ['pageDown', 'pagedown'], ['home', 'home'], ['end', 'end'],
  ['return', 'return'], ['escape', 'escape'], ['tab', 'tab'], ['backspace', 'backspace'], ['delete', 'delete'],
];

/** `colours` false leaves colours out; inverse and bold stay. */
export function App({ viewer, colours }: { viewer: Viewer; colours: boolean }): ReactElement {
  const [, redraw] = useReducer((n: number) => n + 1, 0), { exit } = useApp(), { stdout } = useStdout();
  useInput((input, key) => {
    type(viewer, input, key);
    if (viewer.finished) exit();
    else redraw();
  });
  useEffect(() => {
    const onResize = (): void => { viewer.resize(stdout.columns, stdout.rows - 1); redraw(); };
    stdout.on('resize', onResize);
    return () => { stdout.off('resize', onResize); };
  }, [viewer, stdout]);
  useEffect(() => {
    viewer.changed = redraw;
    return () => { viewer.changed = () => undefined; };
  }, [viewer]);
  useEffect(() => {
    if (!viewer.busy) return undefined;
    const timer = setTimeout(() => { viewer.work(); redraw(); }, 1);
    return () => { clearTimeout(timer); };
  });
  return h(Box, { flexDirection: 'column' }, ...screen(viewer).map((line, n) => h(Row, { key: n, line, colours })));
}

function Row({ line, colours }: { line: Line; colours: boolean }): ReactElement {
  const runs = line.length ? line : [{ text: ' ' }];
  return h(Text, { wrap: 'truncate' }, ...runs.map((run, n) => h(Text, { key: n, color: colours ? run.color : undefined, bold: run.bold, dimColor: run.dim, inverse: run.inverse }, run.text || ' ')));
}

/** Several characters may come at once (pasted, or typed faster than drawn): in a prompt as text, elsewhere one key each. */
function type(viewer: Viewer, input: string, key: Key): void {
  const name = named.find(([flag]) => key[flag])?.[1];
  if (name) viewer.key(name);
  else if (key.ctrl) viewer.key(input === 'c' ? 'ctrl-c' : input === 'u' ? 'clear' : input === 'f' ? 'pagedown' : input === 'b' ? 'pageup' : '');
  else for (const c of input) if (c >= ' ') viewer.key(c, c); else if (c === '\r' || c === '\n') viewer.key('return');
}
