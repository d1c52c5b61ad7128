/** The second wall: the command's permissions on this computer when a bug lets a guest's program reach Node. */
import { spawn, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from './tessera.ts';
import { temporaryFolder } from './temporary.ts';

interface Wall { readonly kind: 'node' | 'bubblewrap'; readonly program: string; readonly words: readonly string[] }
const { wall } = createRequire(import.meta.url)(
  '../bin/sandbox.cjs') as { wall(script: string, argv: readonly string[]): Wall | undefined };
const folder = temporaryFolder('sandbox');

/** The results of a script's attempts inside: its output. */
function inside(argv: readonly string[]): Record<string, string> {
  const script = join(folder, 'script.cjs'), mine = join(folder, 'mine'), trace = join(folder, 'x.trace');
  mkdirSync(mine, { recursive: true });
  writeFileSync(script, `
    const fs = require('fs'), { execFileSync } = require('child_process'), said = {};
    const attempt = (name, act) => { try { act(); said[name] = 'done'; } catch (e) { said[name] = e.code; } };
    attempt('write', () => fs.writeFileSync(${JSON.stringify(join(folder, 'outside'))}, 'x'));
    attempt('mine', () => fs.writeFileSync(${JSON.stringify(join(mine, 'x'))}, 'x'));
    attempt('trace', () => fs.writeFileSync(${JSON.stringify(trace)}, 'x'));
    attempt('read', () => fs.readFileSync(${JSON.stringify(join(root, 'package.json'))}));
    attempt('start', () => execFileSync('true'));
    console.log(JSON.stringify(said));`);
  const made = wall(script, argv)!;
  const run = spawnSync(made.program, made.words, { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } });
  return JSON.parse(run.stdout) as Record<string, string>;
}
const bubblewrap = spawnSync('bwrap', ['--ro-bind', '/', '/', 'true']).status === 0;
if (!bubblewrap) console.warn('skipped: no bubblewrap (apt install bubblewrap)');

describe('a run behind the second wall', () => {
  it('writes only what its options name, and starts nothing', () => {
    expect(inside(['run', '--trace', join(folder, 'x.trace'), 'prog', '--trace', 'y'])).toEqual({
      write: 'ERR_ACCESS_DENIED', mine: 'ERR_ACCESS_DENIED', trace: 'done', read: 'done', start: 'ERR_ACCESS_DENIED'
    });
    expect(existsSync(join(folder, 'outside'))).toBe(false);
  });
  it.skipIf(!bubblewrap)('writes to its writable folder', () => {
    expect(inside(['run', '--mount', `${join(folder, 'mine')}:/m`, 'prog'])).toMatchObject({
      write: 'EROFS', mine: 'done', trace: 'EROFS', read: 'done'
    });
    expect(readFileSync(join(folder, 'mine/x'), 'utf8')).toBe('x');
  });
  it('is left out when asked, and for what runs no stranger', () => {
    for (const argv of [['run', '--no-sandbox', 'x'], ['trace', 'stats', 'x'], ['boot', 'x'], ['--version'], ['run', '--help']])
      expect(wall('script', argv), argv.join(' ')).toBeUndefined();
    expect(wall('script', ['run', 'sh', '--no-sandbox'])?.kind).toBe('node');
    expect(wall('script', ['run', '--mount', '/tmp:/m:ro', 'sh'])?.kind).toBe('node');
    expect(wall('script', ['vm', '--kernel', 'k', '--disk', 'd,ro'])?.kind).toBe('node');
    expect(wall('script', ['vm', '--kernel', 'k', '--disk', 'd,snapshot'])?.kind).toBe('node');
  });

  it('ends what does not hear the signal, as if it had', async () => {
    const deaf = join(folder, 'deaf.cjs'), front = join(folder, 'front.cjs');
    writeFileSync(front, `require(${JSON.stringify(join(root, 'bin/sandbox.cjs'))}).enter(${JSON.stringify(deaf)}, ['run', 'x']);`);
    writeFileSync(deaf, "process.on('SIGTERM', () => {}); require('node:fs').writeSync(1, 'deaf'); for (;;);");
    const child = spawn(process.execPath, [front], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.once('data', () => child.kill('SIGTERM'));
    expect(await new Promise((resolve) => { child.on('exit', (_code, signal) => resolve(signal)); })).toBe('SIGTERM');
  });
  it('a component that never yields does not keep a signal from ending the run', async () => {
    const file = join(folder, 'spins.ts');
    writeFileSync(file, `export default { name: 'spins', summary: '', terminals: 1, components: { spinner: { program: { name: 'spinner',
      *main() { process.stdout.write('spins'); for (let i = 0; ; i++) if (i < 0) yield; } } } } };`);
    const child = spawn(process.execPath, [join(root, 'bin/tessera'), 'boot', file], { stdio: ['pipe', 'pipe', 'inherit'] });
    let again: NodeJS.Timeout | undefined;
    // Events before the watcher is ready are lost; a user would try again.
    child.stdout.once('data', () => { again = setInterval(() => child.kill('SIGTERM'), 500); });
    const ended = await new Promise((resolve) => { child.on('exit', (code, signal) => resolve(signal ?? code)); });
    clearInterval(again);
    expect(ended).toBe('SIGTERM');
  });

  const busy = [join(root, 'bin/tessera'), 'bare', join(folder, 'spin')];
  /** Whether a process with this in its command line lives. */
  const lives = (): boolean => spawnSync('pgrep', ['-f', join(folder, 'spin')]).status === 0;
  const until = async (holds: () => boolean): Promise<void> => {
    for (let i = 0; i < 3000 && !holds(); i++) await new Promise((done) => { setTimeout(done, 100); });
  };
  it.each([['SIGTERM', 143], ['SIGKILL', null]] as const)('ends with the one who started it (%s)', async (signal, status) => {
    writeFileSync(join(folder, 'spin'), Uint8Array.of(0x6f, 0, 0, 0));
    const child = spawn(process.execPath, busy, { stdio: 'ignore' });
    await until(() => spawnSync('pgrep', ['-fc', join(folder, 'spin')], { encoding: 'utf8' }).stdout.trim() === '2');
    const ended = new Promise<number | null>((resolve) => {
      child.on('exit', (code, by) => resolve(code ?? (by === signal ? status : -1)));
    });
    child.kill(signal);
    expect(await ended).toBe(status);
    await until(() => !lives());
    expect(lives()).toBe(false);
  });
});
