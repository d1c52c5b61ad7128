/**
 * Host memory that a program can claim: as much of each kind as it gets, under a small budget. Each kind ends in a Linux error, the guest
 * continues, and the resident set of all processes of the command stays under --memory plus 200 MiB.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from './tessera.ts';

const MEMORY = 64, ROOM = 200, LIMIT = 120_000;
/** Kinds of guests/linux/apart/hoard.c. */
const KINDS = [
  'forktree', 'processes', 'groups', 'high', 'spaces', 'undo', 'waits', 'links', 'names', 'files', 'queues', 'messages', 'sysv', 'netlink',
    'raw', 'texts', 'listings',
  'mounts', 'binds', 'epolls', 'pidfds', 'memfds', 'timers', 'contexts', 'xattrs', 'watches', 'pairs',
];
/** ENOMEM, EAGAIN, ENFILE, EMFILE, ENOSPC, in the words of the guest's library. */
const ENDS = / ends after \d+: (Out of memory|Try again|error (23|24|28))\n$/;
interface Told { readonly said: string; readonly status: number | null; /** MiB. */ readonly most: number }

/** Peak resident set of a process and its children, MiB. */
function resident(pid: number, seen: Map<number, number>): void {
  try {
    const kib = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
    if (kib) seen.set(pid, Number(kib[1]) / 1024);
    for (const child of readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean)) resident(Number(child),
      seen);
  } catch { /* it has ended */ }
}
function hoard(kind: string): Promise<Told> {
  return new Promise((resolve) => {
    const args = ['run', '--memory', `${MEMORY}M`, join(root, 'guests/bin/apart/hoard'), kind], seen = new Map<number, number>();
    const child = spawn(process.execPath, [join(root, 'bin/tessera'), ...args],
      { cwd: root, env: { ...process.env, NO_COLOR: '1' }, timeout: LIMIT - 20_000, killSignal: 'SIGKILL' });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (d: Buffer) => { said += d.toString(); });
    child.stdin.end();
    const watch = setInterval(() => { resident(child.pid!, seen); }, 50);
    child.on('close', (status) => { clearInterval(watch); resolve({ said, status, most: Math.max(...seen.values()) }); });
  });
}

describe.skipIf(process.platform !== 'linux')('a program that makes as much as it gets of', () => {
  it.each(KINDS)('%s', async (kind) => {
    const { said, status, most } = await hoard(kind);
    expect(said).toMatch(ENDS);
    expect(status).toBe(0);
    expect(most).toBeLessThan(MEMORY + ROOM);
  }, LIMIT);
});
