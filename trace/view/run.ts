/** Starts the viewer on the terminal and gives it back as it was. Loaded only by `trace view`: the terminal library is large. */
import { closeSync, fstatSync, openSync, readSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { TraceFile } from '../reader.ts';
import { Viewer } from './viewer.ts';

const ENTER = '\x1b[?1049h\x1b[2J\x1b[H';
/** Bytes of a growing file that are taken at once. */
const MOST = 2 ** 26;
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
  const watch = setInterval(() => grow(viewer, path), 500), ended = (): never => { process.stdout.write(LEAVE); process.exit(143); };
  process.once('SIGTERM', ended);
  try {
    await render(createElement(App, { viewer, colours: !process.env['NO_COLOR'] }), { exitOnCtrlC: false, patchConsole: false }).waitUntilExit();
  } finally {
    clearInterval(watch);
    process.off('SIGTERM', ended);
    process.stdout.write(LEAVE);
  }
}

/** Takes over what a recording that goes on has written. A file that is gone or cannot be read any more changes nothing. */
function grow(viewer: Viewer, path: string): void {
  const { trace } = viewer, before = trace.length;
  if (trace.closed) return;
  try {
    const fd = openSync(path, 'r'), bytes = Buffer.alloc(Math.max(0, Math.min(fstatSync(fd).size - trace.end, MOST)));
    trace.append(bytes.subarray(0, bytes.length ? readSync(fd, bytes, 0, bytes.length, trace.end) : 0));
    closeSync(fd);
  } catch {
    return;
  }
  if (trace.length > before || trace.closed) viewer.grown();
}
