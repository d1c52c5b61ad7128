/** Drives `tessera … --gdb 0` and gdb-multiarch as a person would: commands at a prompt, Ctrl-C, the console beside it. */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from './tessera.ts';

export const hasGdb = ((): boolean => {
  try {
    execFileSync('gdb-multiarch', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

const PROMPT = '(gdb) ';
const PATIENCE_MS = 200_000;

/** A child process whose output is collected and can be waited for. */
class Child {
  readonly process: ChildProcessWithoutNullStreams;
  readonly ended: Promise<number | null>;
  out = '';
  err = '';
  #seen = 0;
  #look: () => void = () => {};

  constructor(program: string, args: string[]) {
    this.process = spawn(program, args, { cwd: root, env: { ...process.env, NO_COLOR: '1', DEBUGINFOD_URLS: '' } });
    this.process.stdin.on('error', () => {});
    this.process.stdout.on('data', (chunk: Buffer) => { this.out += chunk.toString('latin1'); this.#look(); });
    this.process.stderr.on('data', (chunk: Buffer) => { this.err += chunk.toString('latin1'); this.#look(); });
    this.ended = new Promise((resolve) => this.process.on('close', (status) => { resolve(status); this.#look(); }));
  }

  /** Standard output up to this text (inclusive), from the end of the previous wait. */
  async until(text: string): Promise<string> {
    while (!this.out.includes(text, this.#seen)) await this.#more(`'${text}' in: ${this.out.slice(this.#seen)}`);
    const end = this.out.indexOf(text, this.#seen) + text.length;
    const got = this.out.slice(this.#seen, end);
    this.#seen = end;
    return got;
  }

  async errorMatching(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.err);
      if (match) return match;
      await this.#more(`${pattern} in: ${this.err}`);
    }
  }

  #more(what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`waited in vain for ${what.slice(-2000)}`)), PATIENCE_MS);
      if (this.process.exitCode !== null) setImmediate(() => reject(new Error(`it has ended; waited for ${what.slice(-2000)}`)));
      this.#look = () => { clearTimeout(timer); resolve(); };
    });
  }

  end(): void { if (this.process.exitCode === null) this.process.kill('SIGKILL'); }
}

/** A tessera command that waits for GDB. */
export class Debuggee extends Child {
  port = 0;

  /** Without a port in the arguments it takes any that is free. */
  static async start(args: string[]): Promise<Debuggee> {
    const given = args.includes('--gdb') ? args : [args[0]!, '--gdb', '0', ...args.slice(1)];
    const child = new Debuggee(process.execPath, [join(root, 'bin/tessera'), ...given]);
    child.port = Number((await child.errorMatching(/waiting for gdb on port (\d+)/))[1]);
    return child;
  }

  type(text: string): void { this.process.stdin.write(text); }
}

export class Gdb extends Child {
  static async start(file?: string): Promise<Gdb> {
    // GDB writes errors and what `monitor` answers to standard error; a person sees both in order.
    const gdb = new Gdb('sh', ['-c', 'exec gdb-multiarch "$@" 2>&1', 'gdb', '-q', '-nx', ...(file === undefined ? [] : [file])]);
    await gdb.until(PROMPT);
    for (const setting of ['pagination off', 'confirm off', 'width 0', 'architecture riscv:rv64', 'remotetimeout 60'])
      await gdb.do(`set ${setting}`);
    return gdb;
  }

  /** Runs a command; returns its output. */
  async do(command: string): Promise<string> {
    this.begin(command);
    return this.prompt();
  }

  /** Starts a command that takes time. */
  begin(command: string): void { this.process.stdin.write(`${command}\n`); }

  async prompt(): Promise<string> { return (await this.until(PROMPT)).slice(0, -PROMPT.length); }

  interrupt(): void { this.process.kill('SIGINT'); }

  connect(to: Debuggee): Promise<string> { return this.do(`target remote 127.0.0.1:${to.port}`); }
}

export interface SymbolEntry { readonly name: string; readonly address: bigint; readonly data?: boolean }

/** An ELF file without contents whose only use is its symbols. */
export function symbolFile(entries: readonly SymbolEntry[]): Uint8Array {
  const base = entries.reduce((least, e) => (e.address < least ? e.address : least), entries[0]!.address) & ~0xfffn;
  const top = entries.reduce((most, e) => (e.address > most ? e.address : most), base) + 0x1000n;
  const names = Buffer.from(`\0${entries.map((e) => e.name).join('\0')}\0`);
  const sectionNames = Buffer.from('\0.text\0.symtab\0.strtab\0');
  const symtab = 64, strtab = symtab + 24 * (entries.length + 1), shstr = strtab + names.length,
    table = Math.ceil((shstr + sectionNames.length) / 8) * 8;
  const bytes = Buffer.alloc(table + 5 * 64);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(bytes);
  for (const [at, value] of [[16, 2], [18, 243], [52, 64], [54, 56], [58, 64], [60, 5], [62, 4]] as const) bytes.writeUInt16LE(value, at);
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(BigInt(table), 40);
  names.copy(bytes, strtab);
  sectionNames.copy(bytes, shstr);
  entries.forEach((entry, i) => {
    const at = symtab + 24 * (i + 1);
    bytes.writeUInt32LE(1 + Buffer.byteLength(entries.slice(0, i).map((x) => `${x.name}\0`).join('')), at);
    bytes.writeUInt8(0x10 | (entry.data === true ? 1 : 2), at + 4);
    bytes.writeUInt16LE(1, at + 6);
    bytes.writeBigUInt64LE(entry.address, at + 8);
  });
  // Name, type, flags, address, offset, size, link, info, entry size: .text takes no place in the file.
  const sections: [number, number, bigint, bigint, number, bigint, number, number, number][] = [
    [1, 8, 7n, base, 0, top - base, 0, 0, 0],
    [7, 2, 0n, 0n, symtab, BigInt(24 * (entries.length + 1)), 3, 1, 24],
    [15, 3, 0n, 0n, strtab, BigInt(names.length), 0, 0, 0],
    [15, 3, 0n, 0n, shstr, BigInt(sectionNames.length), 0, 0, 0],
  ];
  sections.forEach(([name, type, flags, address, offset, size, link, info, entry], i) => {
    const at = table + 64 * (i + 1);
    bytes.writeUInt32LE(name, at);
    bytes.writeUInt32LE(type, at + 4);
    bytes.writeBigUInt64LE(flags, at + 8);
    bytes.writeBigUInt64LE(address, at + 16);
    bytes.writeBigUInt64LE(BigInt(offset), at + 24);
    bytes.writeBigUInt64LE(size, at + 32);
    bytes.writeUInt32LE(link, at + 40);
    bytes.writeUInt32LE(info, at + 44);
    bytes.writeBigUInt64LE(BigInt(entry), at + 56);
  });
  return bytes;
}
