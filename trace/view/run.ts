/** Starts the viewer on the terminal and gives it back as it was. Loaded only by `trace view`: the terminal library is large. */
import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { TraceFile } from '../reader.ts';
import { Viewer } from './viewer.ts';

const ENTER = '\x1b[?1049h\x1b[2J\x1b[H';
const LEAVE = '\x1b[?1049l';

/** Resolves when the user has quit. `filter` must be without mistakes. */
export async function view(trace: TraceFile, path: string, filter = ''): Promise<void> {
  // The library draws nothing but the last frame where it believes to run in a build service; this is a terminal.
  process.env['CI'] = 'false';
  process.env['NODE_ENV'] ??= 'production';
  const [{ createElement }, { render }, { App }] = await Promise.all([import('react'), import('ink'), import('./app.ts')]);
  const viewer = new Viewer(trace, basename(path), (name, text) => writeFileSync(name, [...text].join('')), filter);
  viewer.resize(process.stdout.columns, process.stdout.rows - 1);
  process.stdout.write(ENTER);
  try {
    await render(createElement(App, { viewer, colours: !process.env['NO_COLOR'] }), { exitOnCtrlC: false, patchConsole: false }).waitUntilExit();
  } finally {
    process.stdout.write(LEAVE);
  }
}
