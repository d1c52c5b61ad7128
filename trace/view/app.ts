/** The viewer on a terminal: takes keys, clicks and sizes, draws lines, and does long work in between. */
import { useEffect, useMemo } from 'react';
import { useApp, useInput, useStdout, type Key } from 'ink';
import { clicks } from './mouse.ts';
import { Painter } from './paint.ts';
import { screen } from './screen.ts';
import type { Viewer } from './viewer.ts';

/** Names of keys that type nothing, as `Viewer.key` wants them. */
const named: [keyof Key, string][] = [
  ['upArrow', 'up'], ['downArrow', 'down'], ['leftArrow', 'left'], ['rightArrow', 'right'], ['pageUp', 'pageup'], ['pageDown', 'pagedown'],
  ['home', 'home'], ['end', 'end'],
  ['return', 'return'], ['escape', 'escape'], ['tab', 'tab'], ['backspace', 'backspace'], ['delete', 'delete'],
];
const controls: Record<string, string> = {
  c: 'ctrl-c', z: 'ctrl-z', u: 'clear', w: 'word', a: 'home', e: 'end', f: 'pagedown', b: 'pageup'
};
/** Control characters in the middle of a piece of input. */
const pasted: Record<string, string> = {
  '\r': 'return', '\n': 'return', '\t': 'tab', '\x03': 'ctrl-c', '\x1a': 'ctrl-z', '\x15': 'clear', '\x1b': 'escape', '\x7f': 'backspace'
};

/** Milliseconds between two redraws during background work. */
const PROGRESS = 120;
/** Milliseconds after a key during which redraws are four times as frequent. */
const FIRST = 500;
/** Milliseconds after a key without background work, because the next key may follow. */
const REST = 25;

/** The library knows the terminal and its keys; the screen is painted beside it, line by line (paint.ts). */
export function App({ viewer, colours }: { viewer: Viewer; colours: boolean }): null {
  const { exit } = useApp(), { stdout } = useStdout(),
    loop = useMemo(() => new Loop(viewer, new Painter((text) => stdout.write(text), colours)), [viewer, stdout, colours]);
  useInput((input, key) => {
    type(viewer, input, key);
    if (viewer.finished) exit();
    else loop.soon();
  });
  useEffect(() => {
    const onResize = (): void => { viewer.resize(stdout.columns, stdout.rows - 1); loop.repaint(); };
    stdout.on('resize', onResize);
    viewer.changed = () => loop.soon();
    viewer.repaint = () => loop.repaint();
    loop.repaint();
    return () => { stdout.off('resize', onResize); viewer.changed = () => undefined; loop.end(); };
  }, [viewer, stdout, loop]);
  return null;
}

/** Paints after keys, and does the viewer's work in slices whenever there is some, showing how it goes. */
class Loop {
  private readonly viewer: Viewer;
  private readonly painter: Painter;
  private painting: NodeJS.Immediate | undefined;
  private working: NodeJS.Timeout | undefined;
  private painted = 0;
  private touched = 0;
  constructor(viewer: Viewer, painter: Painter) { this.viewer = viewer; this.painter = painter; }

  /** All that came at once is painted once. */
  soon(): void {
    this.touched = performance.now();
    this.painting ??= setImmediate(() => this.paint());
  }
  repaint(): void { this.painter.forget(); this.soon(); }
  end(): void { clearTimeout(this.working); clearImmediate(this.painting); }

  private paint(): void {
    this.painting = undefined;
    if (this.viewer.away) return;
    this.painter.paint(screen(this.viewer));
    this.painted = performance.now();
    if (this.viewer.busy) this.working ??= setTimeout(() => this.work(), 1);
  }
  private work(): void {
    this.working = undefined;
    if (performance.now() - this.touched >= REST) this.viewer.slice();
    if (!this.viewer.busy || performance.now() - this.painted > (performance.now() - this.touched < FIRST ? PROGRESS / 4 : PROGRESS))
      this.paint();
    else this.working = setTimeout(() => this.work(), performance.now() - this.touched < REST ? REST : 1);
  }
}

/** What a terminal puts around a pasted text (PASTE_ON), without the escape character that the library takes off. */
const PASTE_BEGINS = '[200~', PASTE_ENDS = '[201~';

/** A prompt takes a pasted text, its lines joined; elsewhere the text does nothing, because nobody pressed its letters as keys. */
function paste(viewer: Viewer, input: string): void {
  const text = input.replace(/[\x00-\x1f\x7f]+/g, ' ');
  if (viewer.prompt) viewer.key('', text);
  else viewer.message = 'a pasted text belongs where one types: f filters, / searches';
}

/** Several characters may come at once (typed faster than drawn): in a prompt as text, elsewhere one key each. */
function type(viewer: Viewer, input: string, key: Key): void {
  if (input === PASTE_BEGINS || input === PASTE_ENDS) { viewer.isPasting = input === PASTE_BEGINS; return; }
  if (viewer.isPasting) return paste(viewer, input);
  const name = named.find(([flag]) => key[flag])?.[1], mouse = clicks(input);
  if (mouse) for (const event of mouse) viewer.mouse(event);
  else if (name) viewer.key(name);
  else if (key.ctrl) viewer.key(controls[input] ?? '');
  else for (const text of input) if (text >= ' ' && text !== '\x7f') viewer.key(text, text); else viewer.key(pasted[text] ?? '');
}
