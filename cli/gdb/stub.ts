/**
 * The protocol's commands, for one client. A command is carried out while the target stands still and is answered at
 * once; those that let it run are answered when it has stopped. An empty answer means "not known here", Enn is an error.
 */
import type { PointKind } from '../../machine/debug/debugger.ts';
import { AgentFault, evaluate } from './agent.ts';
import { fromHex, hexNumber, PACKET_BYTES, toHex } from './packets.ts';
import { queries, settings } from './queries.ts';
import { threadActions } from './resume.ts';
import type { Target, TargetStop } from './target.ts';

/** What a client may ask of the run beside looking at it. */
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
  /** The thread whose registers and memory are meant, and the one that `c` and `s` are for (0 = any). */
  general: number;
  #control = 0;
  readonly #points = new Set<string>();
  #lastStop: TargetStop;
  running = false;

  constructor(target: Target, run: RunCommands) {
    this.target = target;
    this.#run = run;
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
    if (stop.kind !== 'over') this.general = stop.thread;
    return this.#stopReply();
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
    T: (argument) => (this.target.threads().some((t) => t.id === Number(hexNumber(argument) ?? 0)) ? 'OK' : BAD),
    Z: (argument) => this.#point(argument, true),
    z: (argument) => this.#point(argument, false),
    c: (argument) => this.#oldResume('c', argument),
    s: (argument) => this.#oldResume('s', argument),
    C: (argument) => this.#oldResume(`C${argument.slice(0, 2)}`, argument.slice(3)),
    S: (argument) => this.#oldResume(`S${argument.slice(0, 2)}`, argument.slice(3)),
    'vCont?': () => 'vCont;c;C;s;S',
    vCont: (argument) => this.#resume(argument),
    vKill: () => this.#kill('OK'),
    k: () => this.#kill(undefined),
    D: () => this.#detach(),
    q: (argument) => ask(queries, this, argument),
    Q: (argument) => ask(settings, this, argument),
  };

  // ---- registers and memory ----------------------------------------------------------------------------------------

  #readAll(): string {
    let text = '';
    for (let n = 0; n < this.target.coreRegisters; n++) text += toHex(this.target.readRegister(this.general, n) ?? new Uint8Array(8));
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
    return value === undefined ? BAD : toHex(value);
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
    const id = argument.slice(1) === '-1' ? 0n : hexNumber(argument.slice(1));
    if (id === undefined || !/^[gc]/.test(argument)) return BAD;
    const thread = Number(id);
    if (thread !== 0 && this.target.threads().every((t) => t.id !== thread)) return BAD;
    if (argument[0] === 'c') this.#control = thread;
    else this.general = thread === 0 ? this.target.current : thread;
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
    const key = `${type} ${address} ${bytes}`;
    if (this.#points.delete(key)) this.target.remove(kind, address, bytes);
    if (!insert) return 'OK';
    if (this.#points.size >= MAX_POINTS) return FULL;
    this.#points.add(key);
    this.target.insert(kind, address, bytes,
      conditions.length === 0 ? undefined : (thread) => conditions.some((code) => this.#isTrue(code!, thread)));
    return 'OK';
  }

  /** A condition that cannot be evaluated stops, so that its user sees it. */
  #isTrue(code: Uint8Array, thread: number): boolean {
    const number = (bytes: Uint8Array | undefined, what: string): bigint => {
      if (bytes === undefined) throw new AgentFault(what);
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
    return this.#resume(`;${action}:${thread.toString(16)};c`);
  }

  #resume(argument: string): string | undefined {
    const actions = threadActions(argument, this.target.threads().map((t) => t.id));
    if (actions === undefined) return BAD;
    this.running = true;
    this.target.resume(actions);
    this.#run.resumed();
    return undefined;
  }

  #kill(answer: string | undefined): string | undefined {
    this.running = false;
    this.#run.kill();
    return answer;
  }

  #detach(): string {
    this.running = false;
    this.#run.detach();
    return 'OK';
  }

  #stopReply(): string {
    const stop = this.#lastStop;
    if (stop.kind === 'over') return `${stop.signalled ? 'X' : 'W'}${(stop.status & 0xff).toString(16).padStart(2, '0')}`;
    const thread = `thread:${stop.thread.toString(16)};`;
    if (stop.kind === 'signal') return `T${stop.signal.toString(16).padStart(2, '0')}${thread}`;
    if (stop.point === 'break') return `T05${thread}${this.client.has('swbreak+') ? 'swbreak:;' : ''}`;
    const name = { write: 'watch', read: 'rwatch', access: 'awatch' }[stop.point];
    return `T05${thread}${name}:${stop.address.toString(16)};`;
  }
}

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
