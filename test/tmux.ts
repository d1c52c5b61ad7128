/** Drives a program on a terminal as a person would: tmux is the terminal, the test sends keys and reads screens. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './tessera.ts';

/** Why tests with a terminal are skipped; undefined when they are not. */
export const noTmux = spawnSync('tmux', ['-V']).status === 0 ? undefined : 'tmux is not installed';

const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

export class Tmux {
  private readonly folder = mkdtempSync(join(tmpdir(), 'tessera-tmux-'));
  private readonly socket = join(this.folder, 'socket');

  /** Starts `words` with the project's root as the current folder. `env` sets variables, or removes those that are undefined. */
  constructor(words: string[], columns: number, rows: number, env: Record<string, string | undefined> = {}, cwd = root) {
    const unset = Object.keys(env).filter((name) => env[name] === undefined).flatMap((name) => ['-u', name]),
      set = Object.entries(env).filter(([, v]) => v !== undefined).map(([n, v]) => `${n}=${v}`);
    const command = ['env', ...unset, 'LC_ALL=C.UTF-8', ...set, ...words].map(quote).join(' ');
    this.tmux('-f', '/dev/null', 'new-session', '-d', '-x', String(columns), '-y', String(rows), '-c', cwd,
      `${command}; echo "[status $?]"; exec cat`);
  }

  /** Keys by tmux's names (`Down`, `PageUp`, `Enter`, `Tab`), one character each otherwise. */
  keys(...names: string[]): this { for (const name of names) this.tmux('send-keys', name); return this; }
  /** Text as it is typed. */
  type(text: string): this { this.tmux('send-keys', '-l', text); return this; }
  /** A text from the clipboard, between marks where the program asked for them. */
  paste(text: string): this { this.tmux('set-buffer', text); this.tmux('paste-buffer', '-p'); return this; }
  /** Bytes as the terminal sends them, such as mouse reports. */
  bytes(text: string): this { this.tmux('send-keys', '-H', ...[...Buffer.from(text)].map((b) => b.toString(16))); return this; }
  resize(columns: number, rows: number): this { this.tmux('resize-window', '-x', String(columns), '-y', String(rows)); return this; }
  /** The screen as lines without blanks at their ends, or with `escapes` as it is, with its colours. */
  screen(escapes = false): string {
    return escapes
      ? this.tmux('capture-pane', '-p', '-e', '-N')
      : this.tmux('capture-pane', '-p').split('\n').map((l) => l.trimEnd()).join('\n');
  }

  /** Waits until the screen matches and is stable; returns it. Throws with the screen after three minutes. */
  async until(wanted: RegExp, escapes = false): Promise<string> {
    const end = Date.now() + 180_000;
    for (let before = ''; ; ) {
      const now = this.screen();
      if (wanted.test(now) && now === before) return escapes ? this.screen(true) : now;
      if (Date.now() > end) throw new Error(`no ${wanted} on the screen after three minutes:\n${now}`);
      before = now;
      await new Promise((done) => setTimeout(done, 40));
    }
  }

  close(): void {
    spawnSync('tmux', ['-S', this.socket, 'kill-server']);
    rmSync(this.folder, { recursive: true, force: true });
  }
  private tmux(...words: string[]): string {
    return execFileSync('tmux', ['-S', this.socket, '-u', ...words], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C.UTF-8' } });
  }
}
