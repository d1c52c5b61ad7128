/** Runs the viewer on the terminal and restores the terminal afterwards. Loaded on demand, because the terminal library is large. */
import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { TraceFile } from '../reader.ts';
import { MOUSE_OFF, MOUSE_ON } from './mouse.ts';
import { Viewer } from './viewer.ts';

/** The terminal marks a pasted text, which is no row of keys. */
const PASTE_ON = '\x1b[?2004h', PASTE_OFF = '\x1b[?2004l';
const ENTER = `\x1b[?1049h\x1b[2J\x1b[H${MOUSE_ON}${PASTE_ON}`, LEAVE = `${PASTE_OFF}${MOUSE_OFF}\x1b[?1049l`;
/** Milliseconds between two checks of a growing file. */
const LOOK = 250;

export interface ViewOptions {
  /** Without mistakes. */
  filter?: string;
  /** Follows the end of the recording from the start. */
  following?: boolean;
  /** Walks of an address through the recording's page tables. */
  address?: (trace: TraceFile, text: string) => readonly string[] | string;
  /** The command of the run, if known. `debug` is the action of key `g`: it owns the terminal meanwhile, and returns one line about it. */
  command?: string;
  debug?: (at: { readonly command: string; readonly sequence: number; readonly time: number }) => Promise<string>;
  /** Receives the viewer before it is drawn; returns the undo action. */
  beside?: (viewer: Viewer) => () => void;
}

/** Resolves when the user has quit. */
export async function view(trace: TraceFile, path: string, options: ViewOptions = {}): Promise<void> {
  // In a build service the library draws only the last frame; this makes it treat the output as a terminal.
  process.env['CI'] = 'false';
  process.env['NODE_ENV'] ??= 'production';
  const [{ createElement }, { render }, { App }] = await Promise.all([import('react'), import('ink'), import('./app.ts')]);
  const viewer = new Viewer(trace, basename(path), (name, text) => writeFileSync(name, [...text].join('')), options.filter);
  const { address } = options;
  if (address) viewer.address = (text) => address(trace, text);
  viewer.command = options.command ?? '';
  if (options.debug) viewer.debug = (command, record) => void lend(viewer, command, record, options.debug!);
  viewer.following = (options.following ?? false) && !trace.closed;
  viewer.resize(process.stdout.columns, process.stdout.rows - 1);
  const undo = options.beside?.(viewer);
  process.stdout.write(ENTER);
  viewer.suspend = () => suspend(viewer);
  const watch = setInterval(() => grow(viewer), LOOK), ended = (): never => { process.stdout.write(LEAVE); process.exit(143); };
  process.once('SIGTERM', ended);
  try {
    await render(createElement(App, { viewer, colours: !process.env['NO_COLOR'] }),
      { exitOnCtrlC: false, patchConsole: false }).waitUntilExit();
  } finally {
    clearInterval(watch);
    undo?.();
    process.off('SIGTERM', ended);
    process.stdout.write(LEAVE);
  }
}

/** Ctrl-Z: gives screen and keys to the shell until it continues the viewer. */
function suspend(viewer: Viewer): void {
  const raw = process.stdin.isTTY && process.stdin.isRaw;
  process.once('SIGCONT', () => {
    if (raw) process.stdin.setRawMode(true);
    process.stdout.write(ENTER);
    viewer.resize(process.stdout.columns, process.stdout.rows - 1);
    viewer.repaint();
  });
  if (raw) process.stdin.setRawMode(false);
  process.stdout.write(LEAVE);
  process.kill(0, 'SIGTSTP');
}

/** Gives screen and keys to a debugger until it ends. */
async function lend(viewer: Viewer, command: string, record: number, debug: NonNullable<ViewOptions['debug']>): Promise<void> {
  const { sequence, time } = viewer.trace.at(record);
  if (process.stdin.isTTY) process.stdin.setRawMode(false);
  process.stdout.write(LEAVE);
  viewer.away = true;
  try {
    viewer.message = await debug({ command, sequence, time });
  } catch (error) {
    viewer.message = error instanceof Error ? error.message : String(error);
  } finally {
    viewer.away = false;
  }
  if (viewer.message.startsWith('give ')) viewer.command = '';
  if (process.stdin.isTTY) process.stdin.setRawMode(true);
  process.stdout.write(ENTER);
  viewer.resize(process.stdout.columns, process.stdout.rows - 1);
  viewer.repaint();
}

/** Reads new data of a running recording. A file that has vanished or become unreadable changes nothing. */
function grow(viewer: Viewer): void {
  const { trace } = viewer, before = trace.length;
  if (trace.closed) return;
  try {
    trace.refresh();
  } catch {
    return;
  }
  if (trace.length > before || trace.closed) viewer.grown();
}
