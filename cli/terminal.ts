/**
 * The user's side of a guest's console: standard input, output and error of this process.
 *
 * On a terminal, `raw` hands every key to the guest, whose own line discipline echoes, edits and turns Ctrl-C into a signal; Ctrl-A x
 * leaves, Ctrl-A Ctrl-A sends a Ctrl-A. The terminal's mode is restored however the process ends.
 */
import { fstatSync, readSync } from 'node:fs';

export type Bytes = Uint8Array;

const CTRL_A = 1;

export interface TerminalOptions {
  /** Keys go to the guest unchanged (only if standard input is a terminal). */
  raw: boolean;
  onInput(bytes: Bytes): void;
  /** Standard input has ended. */
  onEnd(): void;
  /** Whether the run has to clean up when a signal ends it. Otherwise signals keep their default action. */
  orderly: boolean;
  /** The user wants to leave: Ctrl-A x, or SIGINT/SIGTERM/SIGHUP from outside. `signal` is 0 for Ctrl-A x. */
  onLeave(signal: number): void;
  onResize?(columns: number, rows: number): void;
}

const signals = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

/** Calls `leave` with the signal that asks the process to end. Returns a function that stops listening. */
export function onSignals(leave: (signal: number) => void): () => void {
  const undo = Object.entries(signals).map(([name, number]) => {
    const listener = () => leave(number);
    process.on(name, listener);
    return () => { process.off(name, listener); };
  });
  return () => { for (const step of undo) step(); };
}

/** Bytes of a file at standard input that are read before the run begins. */
const MOST_SETTLED = 2 ** 20;
const NULL_DEVICE = 0x103;

/**
 * What standard input has to say is settled when the run begins: it is an ordinary file, or /dev/null. Then it is read at once, so that two
 * runs get it at the same moment. Answers what it says, and whether that is all; undefined: it comes from outside, at any time.
 */
export function settledInput(): { readonly bytes: Bytes; readonly isAll: boolean } | undefined {
  try {
    const stat = fstatSync(0);
    if (stat.isCharacterDevice() && stat.rdev === NULL_DEVICE) return { bytes: new Uint8Array(0), isAll: true };
    if (!stat.isFile()) return undefined;
    const bytes = Buffer.alloc(Math.min(stat.size + 1, MOST_SETTLED));
    let length = 0, n = 0;
    while (length < bytes.length && (n = readSync(0, bytes, length, bytes.length - length, null)) > 0) length += n;
    return { bytes: bytes.subarray(0, length), isAll: length < bytes.length };
  } catch {
    return undefined; // the stream tells what is wrong with it
  }
}

export class Terminal {
  private readonly options: TerminalOptions;
  private readonly undo: (() => void)[] = [];
  private escape = false;
  private isRaw = false;
  /** The signal handlers before their removal. */
  private listeners: (() => void)[] | undefined;

  constructor(options: TerminalOptions) {
    this.options = options;
  }

  get interactive(): boolean {
    return process.stdin.isTTY === true;
  }

  /** Columns and rows of the terminal; 80 × 24 when the output is no terminal. */
  get size(): { columns: number; rows: number } {
    return { columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 };
  }

  /** Starts to listen. */
  open(): void {
    const settled = settledInput();
    if (settled && settled.bytes.length > 0) this.take(settled.bytes);
    if (settled?.isAll) this.options.onEnd();
    else this.follow();
    if (this.options.raw && this.interactive) this.makeRaw();
    if (this.options.orderly) this.undo.push(onSignals((signal) => this.options.onLeave(signal)));
    const resize = () => this.options.onResize?.(this.size.columns, this.size.rows);
    process.stdout.on('resize', resize);
    this.undo.push(() => process.stdout.off('resize', resize));
  }

  private follow(): void {
    const { stdin } = process;
    const data = (chunk: Buffer) => this.take(chunk);
    const end = () => this.options.onEnd();
    stdin.on('data', data).on('end', end).on('error', end);
    this.undo.push(() => stdin.off('data', data).off('end', end).off('error', end).pause());
  }

  /** Stops listening and restores the terminal's mode. Safe to call twice. */
  close(): void {
    for (const step of this.undo.splice(0)) step();
    process.stdin.unref?.();
  }

  /** The event loop is blocked: restores the default action of signals and of Ctrl-C. */
  letGo(): void {
    this.listeners = Object.keys(signals).flatMap((name) => process.listeners(name as keyof typeof signals).map((listener) => {
      process.off(name, listener);
      return () => { process.on(name, listener); };
    }));
    if (this.isRaw) process.stdin.setRawMode(false);
  }
  /** It turns again. */
  takeBack(): void {
    for (const listen of this.listeners?.splice(0) ?? []) listen();
    if (this.isRaw) process.stdin.setRawMode(true);
  }

  private makeRaw(): void {
    const restore = () => process.stdin.setRawMode(false);
    process.stdin.setRawMode(true);
    this.isRaw = true;
    process.on('exit', restore);
    this.undo.push(() => { process.off('exit', restore); this.isRaw = false; restore(); });
  }

  private take(chunk: Bytes): void {
    if (!this.options.raw || !this.interactive) return this.options.onInput(chunk);
    const out: number[] = [];
    for (const byte of chunk) {
      if (this.escape) {
        this.escape = false;
        if (byte === 0x78) return this.options.onLeave(0);
        out.push(...(byte === CTRL_A ? [CTRL_A] : [CTRL_A, byte]));
      } else if (byte === CTRL_A) this.escape = true;
      else out.push(byte);
    }
    if (out.length) this.options.onInput(Uint8Array.from(out));
  }
}

/** Resolves when what was written to a stream has left enough room; the producer should wait for it between steps. */
export function drained(stream: NodeJS.WriteStream, limit = 1 << 20): Promise<void> | undefined {
  if (stream.writableLength < limit || stream.destroyed) return undefined;
  return new Promise((resolve) => {
    const go = () => { stream.off('drain', go).off('close', go).off('error', go); resolve(); };
    stream.on('drain', go).on('close', go).on('error', go);
  });
}
