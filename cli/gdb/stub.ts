/**
 * The protocol's commands, for one client. A command is carried out while the target is stopped and is answered at
 * once; those that let it run are answered when it has stopped. An empty answer means "not known here", Enn is an error.
 */
import type { PointKind } from '../../machine/debug/debugger.ts';
import { AgentFault, evaluate } from './agent.ts';
import { registerBytes } from './description.ts';
import { fromHex, hexNumber, PACKET_BYTES, toHex } from './packets.ts';
import { OpenFiles } from './files.ts';
import { meant, nameOf, threadId } from './ids.ts';
import { queries, settings } from './queries.ts';
import { threadActions } from './resume.ts';
import { stopReply } from './replies.ts';
import type { Target, TargetStop, ThreadAction } from './target.ts';

/** What a client may ask of the run besides reading and changing it. */
export interface RunCommands {
  resumed(): void;
  detach(): void;
  kill(): void;
  /** Starts the machine anew; undefined where that cannot be done. */
  readonly restart: (() => void) | undefined;
}

const BAD = 'E22', FAULT = 'E14', FULL = 'E28';
const SIGTRAP = 5;
const POINTS: readonly PointKind[] = ['break', 'break', 'write', 'read', 'access'];
const MAX_POINTS = 1000;
const MAX_WATCHED = 0x1_0000;
/** Commands that make sense while the target runs. */
const ANYTIME = /^(D|k|vKill|qSupported|QStartNoAckMode|vMustReplyEmpty)/;

type Command = (argument: string) => string | undefined;

export class Stub {
  readonly target: Target;
  readonly #run: RunCommands;
  /** Does the client's side count on acknowledgements? */
  acknowledges = true;
  /** What the client says it understands. */
  client: ReadonlySet<string> = new Set();
  /** The client names processes. */
  isMany = false;
  /** The thread whose registers and memory are meant, and the one that `c` and `s` are for (0 = any). */
  general: number;
  #control = 0;
  readonly #points = new Set<string>();
  readonly #files: OpenFiles;
  /** Of the thread that stopped last. */
  #process = 1;
  #lastStop: TargetStop;
  running = false;
  /** The client has been told that its last process ended. */
  isOver = false;

  constructor(target: Target, run: RunCommands) {
    this.target = target;
    this.#run = run;
    this.#files = new OpenFiles(target);
    this.general = target.current;
    this.#lastStop = { kind: 'signal', thread: this.general, signal: SIGTRAP };
  }

  /** Carries out a packet. Undefined: the answer comes when the target stops. */
  answer(packet: string): string | undefined {
    if (this.running && !ANYTIME.test(packet)) return BAD;
    if (this.target.threads().every((t) => t.id !== this.general)) this.general = this.target.current;
    const [, name, argument] = /^(vCont\??|vKill|v[A-Za-z]*|.)([^]*)$/.exec(packet) ?? ['', '', ''];
    const command = Object.hasOwn(this.#commands, name) ? this.#commands[name] : undefined;
    return command === undefined ? '' : command(argument);
  }

  /** The target has stopped: what to tell the client. */
  stopped(stop: TargetStop): string {
    this.running = false;
    this.#lastStop = stop;
    if (stop.kind !== 'over') {
      this.general = stop.thread;
      this.#process = this.processOf(stop.thread) ?? this.#process;
    }
    this.isOver = stop.kind === 'over' && this.target.threads().length === 0;
    if (stop.kind === 'exec' || (stop.kind === 'over' && stop.process !== undefined)) this.#forget(stop.process!);
    return this.#stopReply();
  }

  /** The process that is shown when none is meant. */
  get first(): number { return this.target.threads()[0]?.process ?? this.#process; }

  /** The id of a thread, in this client's words. */
  nameOf(thread: number): string { return nameOf(thread, this.processOf(thread), this.isMany); }

  processOf(thread: number): number | undefined { return this.target.threads().find((t) => t.id === thread)?.process; }

  /** With its memory a process loses its points. */
  #forget(process: number): void {
    for (const key of [...this.#points]) {
      const [of, type, address, bytes] = key.split(' ');
      if (Number(of) !== process || !this.#points.delete(key)) continue;
      this.target.remove(POINTS[Number(type)]!, BigInt(address!), Number(bytes), process);
    }
  }

  monitor(line: string): string {
    const [name = 'help', ...words] = line.trim().split(/\s+/).filter((w) => w !== '');
    const { commands } = this.target;
    if (name === 'reset' && this.#run.restart !== undefined) {
      this.#run.restart();
      return "the machine stands before its first instruction; say 'flushregs' so that gdb asks anew\n";
    }
    if (name === 'physical' && /^(on|off)?$/.test(words[0] ?? '')) {
      if (words[0] !== undefined && !this.target.physical(words[0] === 'on')) return 'there is no physical memory here\n';
      return `addresses are ${this.target.isPhysical ? 'physical' : 'virtual'}\n`;
    }
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    return command === undefined ? this.#help(name) : command.run(words, this.general);
  }

  #help(name: string): string {
    const lines = Object.entries(this.target.commands).map(([n, c]) => `${n.padEnd(10)} ${c.help}`);
    const reset = this.#run.restart === undefined ? [] : ['reset      starts the machine anew, stopped before its first instruction'];
    const known = ['physical   physical on|off: what addresses mean from now on', ...lines, ...reset].join('\n');
    return `${name === 'help' ? '' : `there is no command '${name}'\n`}${known}\n`;
  }

  readonly #commands: Readonly<Record<string, Command>> = {
    '?': () => this.#stopReply(),
    g: () => this.#readAll(),
    G: (argument) => this.#writeAll(argument),
    p: (argument) => this.#readOne(argument),
    P: (argument) => this.#writeOne(argument),
    m: (argument) => this.#readMemory(argument),
    M: (argument) => this.#writeMemory(argument, fromHex),
    X: (argument) => this.#writeMemory(argument, (data) => Buffer.from(data, 'latin1')),
    H: (argument) => this.#select(argument),
    T: (argument) => {
      const id = threadId(argument);
      return id !== undefined && meant(id, this.target.threads()).length > 0 ? 'OK' : BAD;
    },
    Z: (argument) => this.#point(argument, true),
    z: (argument) => this.#point(argument, false),
    c: (argument) => this.#oldResume('c', argument),
    s: (argument) => this.#oldResume('s', argument),
    C: (argument) => this.#oldResume(`C${argument.slice(0, 2)}`, argument.slice(3)),
    S: (argument) => this.#oldResume(`S${argument.slice(0, 2)}`, argument.slice(3)),
    'vCont?': () => 'vCont;c;C;s;S',
    vCont: (argument) => this.#resume(argument),
    vFile: (argument) => (this.target.file === undefined ? '' : this.#files.answer(argument.slice(1))),
    vKill: (argument) => (this.#isLast(argument) ? this.#kill('OK') : 'E01'),
    k: () => this.#kill(undefined),
    D: (argument) => this.#detach(argument),
    q: (argument) => ask(queries, this, argument),
    Q: (argument) => ask(settings, this, argument),
  };

  // ---- registers and memory ----------------------------------------------------------------------------------------

  #readAll(): string {
    let text = '';
    for (let n = 0; n < this.target.coreRegisters; n++) text += hexOf(this.target.readRegister(this.general, n) ?? 'unknown', n);
    return text;
  }

  #writeAll(argument: string): string {
    const bytes = fromHex(argument);
    if (bytes === undefined || bytes.length !== 8 * this.target.coreRegisters) return BAD;
    for (let n = 0; n < this.target.coreRegisters; n++) this.target.writeRegister(this.general, n, bytes.subarray(8 * n, 8 * n + 8));
    return 'OK';
  }

  #readOne(argument: string): string {
    const n = hexNumber(argument);
    const value = n === undefined || n > 0xffffn ? undefined : this.target.readRegister(this.general, Number(n));
    return value === undefined ? BAD : hexOf(value, Number(n));
  }

  #writeOne(argument: string): string {
    const [number, text = ''] = argument.split('=');
    const n = hexNumber(number);
    const value = fromHex(text);
    if (n === undefined || n > 0xffffn || value === undefined) return BAD;
    return this.target.writeRegister(this.general, Number(n), value) ? 'OK' : BAD;
  }

  #readMemory(argument: string): string {
    const [from, count] = argument.split(',').map(hexNumber);
    if (from === undefined || count === undefined) return BAD;
    const length = Number(count > PACKET_BYTES / 2 ? BigInt(PACKET_BYTES / 2) : count);
    const bytes = this.target.readMemory(this.general, from, length);
    return bytes === undefined ? FAULT : toHex(bytes);
  }

  #writeMemory(argument: string, decode: (data: string) => Uint8Array | undefined): string {
    const match = /^([0-9a-fA-F]{1,16}),([0-9a-fA-F]{1,8}):([^]*)$/.exec(argument);
    const bytes = match === null ? undefined : decode(match[3]);
    if (match === null || bytes === undefined || bytes.length !== parseInt(match[2], 16)) return BAD;
    return this.target.writeMemory(this.general, BigInt(`0x${match[1]}`), bytes) ? 'OK' : FAULT;
  }

  // ---- threads, points, running ------------------------------------------------------------------------------------

  #select(argument: string): string {
    const id = threadId(argument.slice(1));
    if (id === undefined || !/^[gc]/.test(argument)) return BAD;
    const named = meant(id, this.target.threads()), isAny = id.thread <= 0;
    if (named.length === 0) return BAD;
    if (argument[0] === 'c') this.#control = isAny ? 0 : id.thread;
    else this.general = (named.find((t) => isAny && t.id === this.target.current) ?? named[0]!).id;
    return 'OK';
  }

  /** `0,80000010,2`, perhaps with conditions: `;X3,222a27;X…`. A point that is set again is replaced. */
  #point(argument: string, insert: boolean): string {
    const [place, ...more] = argument.split(';');
    const [type, at, size] = place.split(',');
    const kind = POINTS[Number(type)];
    if (!/^[0-9]$/.test(type ?? '') || kind === undefined) return '';
    const address = hexNumber(at);
    const length = hexNumber(size);
    const conditions = more.filter((c) => c !== '').map(conditionCode);
    if (address === undefined || length === undefined || (kind !== 'break' && (length === 0n || length > MAX_WATCHED))
        || conditions.includes(undefined))
      return BAD;
    const bytes = kind === 'break' ? 2 : Number(length);
    const process = this.processOf(this.general), key = `${process} ${type} ${address} ${bytes}`;
    if (this.#points.delete(key)) this.target.remove(kind, address, bytes, process);
    if (!insert) return 'OK';
    if (this.#points.size >= MAX_POINTS) return FULL;
    this.#points.add(key);
    this.target.insert(kind, address, bytes,
      conditions.length === 0 ? undefined : (thread) => conditions.some((code) => this.#isTrue(code!, thread)), process);
    return 'OK';
  }

  /** A condition that cannot be evaluated stops, so that its user sees it. */
  #isTrue(code: Uint8Array, thread: number): boolean {
    const number = (bytes: Uint8Array | 'unknown' | undefined, what: string): bigint => {
      if (bytes === undefined || bytes === 'unknown') throw new AgentFault(what);
      return BigInt(`0x${toHex(Uint8Array.from(bytes).reverse())}`);
    };
    try {
      return evaluate(code, {
        register: (n) => number(this.target.readRegister(thread, n), 'no such register'),
        memory: (address, length) => {
          const bytes = this.target.readMemory(thread, address, length);
          return number(bytes?.length === length ? bytes : undefined, 'no memory');
        },
      }) !== 0n;
    } catch (error) {
      if (error instanceof AgentFault) return true;
      throw error;
    }
  }

  #oldResume(action: string, argument: string): string | undefined {
    if (argument !== '') {
      const pc = hexNumber(argument);
      if (pc === undefined) return BAD;
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setBigUint64(0, pc, true);
      this.target.writeRegister(this.general, 32, bytes);
    }
    const thread = this.#control === 0 ? this.general : this.#control;
    return this.#resume(`;${action}:${this.nameOf(thread)};c`);
  }

  #resume(argument: string): string | undefined {
    const actions = threadActions(argument, this.target.threads());
    if (actions === undefined) return BAD;
    const why = this.#hold(argument, actions);
    if (why !== undefined) return `E.${why}`;
    this.running = true;
    this.target.resume(actions);
    const next = this.target.pending?.();
    if (next !== undefined) return this.stopped(next);
    this.#run.resumed();
    return undefined;
  }

  /**
   * Processes that the client omits stay stopped, once it lets others run as a whole. A single thread that goes on alone is on its way
   * past a breakpoint: for that, nothing is held that was not before.
   */
  #hold(argument: string, actions: readonly ThreadAction[]): string | undefined {
    if (!this.isMany || !/[cs](:(p[0-9a-f]+\.)?-1)?(;|$)/i.test(argument)) return undefined;
    const running = new Set(actions.map((a) => this.processOf(a.thread)));
    const held = this.target.threads().flatMap(({ process }) => (process === undefined || running.has(process) ? [] : [process]));
    return this.target.hold?.(new Set(held));
  }

  #kill(answer: string | undefined): string | undefined {
    this.running = false;
    this.#run.kill();
    return answer;
  }

  /** Of `;2`: is it the only process that the client has? */
  #isLast(argument: string): boolean {
    const process = hexNumber(argument.replace(/^;/, ''));
    return process === undefined || this.target.threads().every((t) => t.process === undefined || t.process === Number(process));
  }

  /** One of several, or all. */
  #detach(argument: string): string {
    if (!this.#isLast(argument)) {
      const process = Number(hexNumber(argument.slice(1)));
      if (!this.target.release?.(process)) return BAD;
      this.#forget(process);
      return 'OK';
    }
    this.running = false;
    this.#run.detach();
    return 'OK';
  }

  #stopReply(): string { return stopReply(this.#lastStop, this); }
}

/** Digits of a register; `xx` is a register with an unknown value. */
const hexOf = (value: Uint8Array | 'unknown', n: number): string => (value === 'unknown' ? 'xx'.repeat(registerBytes(n)) : toHex(value));

/** `Supported:multiprocess+;…`: the name ends at a colon or comma. */
function ask(table: typeof queries, stub: Stub, argument: string): string {
  const name = Object.keys(table).find((n) => argument === n || (argument.startsWith(n) && /^[:,]/.test(argument.slice(n.length))));
  return name === undefined ? '' : table[name](stub, argument.slice(name.length + 1));
}

/** `X3,222a27`: length and code. */
function conditionCode(text: string): Uint8Array | undefined {
  const match = /^X([0-9a-fA-F]{1,4}),([0-9a-fA-F]*)$/.exec(text);
  const code = match === null ? undefined : fromHex(match[2]);
  return match !== null && code?.length === parseInt(match[1], 16) ? code : undefined;
}
