/**
 * Folders that live as long as this process. It removes them when it exits; a shell beside it does so when it is killed: the shell waits
 * until the other end of its standard input is closed, which the kernel does whatever ends us.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders = new Set<string>();
/** Takes the names of folders, one a line, for the shell that removes them. */
let shell: Socket | undefined;

/** A new empty folder, whose name begins with 'tessera-' and the prefix. The shell knows it first: a signal may come at any time. */
export function temporaryFolder(prefix: string, base = tmpdir()): string {
  const folder = join(base, `tessera-${prefix}-${randomUUID()}`);
  folders.add(folder);
  shell ??= sweep();
  if (!folder.includes('\n')) shell.write(`${folder}\n`);
  mkdirSync(folder, { mode: 0o700 });
  return folder;
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}

/** In a session of its own, so that Ctrl-C at the terminal does not end it. Where it cannot be started, only an exit sweeps. */
function sweep(): Socket {
  process.once('exit', () => folders.forEach(removeFolder));
  const child = spawn('/bin/sh', ['-c', 'while IFS= read -r folder; do set -- "$@" "$folder"; done; rm -rf -- "$@"'],
    { stdio: ['pipe', 'ignore', 'ignore'], detached: true, cwd: '/' }), socket = child.stdin as Socket;
  for (const part of [child, socket]) part.on('error', () => {});
  child.unref();
  socket.unref();
  return socket;
}
