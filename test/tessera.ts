/** Runs the `tessera` command as a user does, and waits for it. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '../cli/images/where.ts';

export interface Run { status: number | null; stdout: string; stderr: string }
export interface RunOptions { input?: string | Uint8Array; env?: Record<string, string>; cwd?: string; timeout?: number }

export const root = projectRoot();

export function tessera(args: string[], options: RunOptions = {}): Promise<Run> {
  return command(process.execPath, [join(root, 'bin/tessera'), ...args], options);
}

/** Any program; a run that takes too long is killed and has status null. */
export function command(program: string, args: string[], options: RunOptions = {}): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd ?? root, env: { ...process.env, NO_COLOR: '1', TESSERA_AUDIT: '1', ...options.env },
      timeout: options.timeout ?? 300_000, killSignal: 'SIGKILL'
    });
    const out: Buffer[] = [], err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }));
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}
