/**
 * The console multiplexer: many clients of the stream protocol share one terminal. Lines carry the client's label; the client in focus
 * gets the input. A client that the arguments name as `raw` has the terminal for itself, byte by byte.
 *
 * args: raw (label of a client); script: text to type into an input once another text has appeared there. Requires the capability `out` (a
 * stream). Provides 'stream'. Keys: Ctrl-A, then a digit = client of that number in focus, n = the next one, l = list, h = the last lines
 * of the client in focus, o = only that client's lines from now on (again: everybody's), Ctrl-A = the character itself.
 */
import { NEVER, Ops, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import { bytesOf, openConsole, spawn, textOf, valueOf, type Console, type Env, type Program } from '../client/index.ts';
import { StreamServer, type StreamState } from '../lib/stream.ts';
import { LabelledLines, type Speaker } from './lines.ts';

const ESCAPE = 1, READ = 4096, TAIL = 256;
/** Lines stored for each client, the number that `h` shows, and the stored length of a line. */
const HISTORY = 200, SHOWN = 20, LONGEST = 1024;
interface Client {
  readonly state: StreamState;
  readonly speaker: Speaker;
  readonly raw: boolean;
  tail: string;
  /** Its last lines; the last one is unfinished. */
  readonly history: string[];
}
/** A line for a client's input, typed once `after` has appeared in its output. */
export interface Typing { readonly to: string; readonly after: string; readonly type: string }

class Multiplexer {
  private readonly out: Console;
  private readonly raw: string | undefined;
  private readonly stream: StreamServer;
  private readonly lines = new LabelledLines();
  private readonly clients: Client[] = [];
  private focus: Client | undefined;
  /** Lines of clients without focus are stored but not shown. */
  private only = false;
  private escaped = false;
  private readonly queue: Uint8Array[] = [];
  private writing = false;
  private readonly script: Typing[];

  constructor(env: Env, out: Console) {
    this.out = out;
    this.raw = env.args['raw'] as string | undefined;
    this.script = [...((env.args['script'] as Typing[] | undefined) ?? [])];
    this.stream = new StreamServer(env, 'stream', {
      write: (sys, state, bytes) => this.write(sys, state, bytes),
      opened: state => this.opened(state),
      closed: state => this.closed(state),
      size: () => ({ columns: 0, rows: 0 }),
    });
  }

  *run(sys: Syscalls, env: Env): Sys<void> {
    valueOf(yield* spawn(sys, env, s => this.input(s), { priority: env.priority }));
    yield* this.stream.server.run(sys);
  }

  private opened(state: StreamState): void {
    const client: Client = {
      state, speaker: { label: state.label, partial: [] }, raw: state.label !== '' && state.label === this.raw, tail: '', history: [''],
    };
    this.clients.push(client);
    if (client.raw || (!this.focus && this.raw === undefined && state.label !== '')) this.setFocus(client);
  }
  private closed(state: StreamState): void {
    const i = this.clients.findIndex(c => c.state === state), client = this.clients[i];
    if (!client) return;
    this.clients.splice(i, 1);
    this.queue.push(this.lines.close(client.speaker));
    if (this.focus === client) this.setFocus(this.clients.find(c => c.state.label !== ''));
  }
  private setFocus(client: Client | undefined): void {
    this.focus = client;
    this.queue.push(this.lines.setFocus(client && !client.raw ? client.speaker : undefined));
  }

  /** Turns to the client that the user has chosen; if only its lines are shown, its last lines come first. */
  private turnTo(client: Client | undefined): void {
    this.setFocus(client);
    if (this.only) this.showHistory();
  }
  private toggleOnly(): void {
    this.only = !this.only;
    const label = this.focus?.state.label ?? 'nobody';
    this.queue.push(bytesOf(`[console] ${this.only ? `only ${label} from now on; the others are kept` : 'everybody again'}\n`));
  }
  private showHistory(): void {
    if (!this.focus) return;
    const { state: { label }, history } = this.focus, lines = history.slice(0, -1).slice(-SHOWN);
    this.queue.push(bytesOf(`[console] the last ${lines.length} of ${history.length - 1} lines of ${label}\n${lines.map((l) =>
      `[${label}] ${l}\n`).join('')}`));
  }

  private *write(sys: Syscalls, state: StreamState, bytes: Uint8Array): Sys<number> {
    const client = this.clients.find(c => c.state === state)!;
    remember(client.history, textOf(bytes));
    if (!this.only || client === this.focus || client.raw) this.queue.push(client.raw ? bytes : this.lines.write(client.speaker, bytes));
    if (this.script.length) yield* this.play(sys, client, textOf(bytes));
    return yield* this.flush(sys);
  }
  private *play(sys: Syscalls, client: Client, text: string): Sys<void> {
    const all = client.tail + text;
    client.tail = all.slice(-TAIL);
    const i = this.script.findIndex(t => t.to === client.state.label && all.includes(t.after));
    if (i < 0) return;
    client.tail = '';
    yield* this.stream.feed(sys, client.state, bytesOf(this.script.splice(i, 1)[0]!.type));
  }
  /** Writes the queue. A second thread leaves the work to the first. */
  private *flush(sys: Syscalls): Sys<number> {
    if (this.writing) return 0;
    this.writing = true;
    let status = 0;
    for (let bytes = this.queue.shift(); bytes; bytes = this.queue.shift()) {
      if (bytes.length === 0) continue;
      const result = yield* this.out.write(sys, bytes);
      if (!result.ok) status = result.status;
    }
    this.writing = false;
    return status;
  }

  private *input(sys: Syscalls): Sys<void> {
    for (;;) {
      yield* sys.down(this.out.inputSemaphore, Ops.semaphore.down, NEVER, 1);
      for (;;) {
        const result = yield* this.out.read(sys, READ);
        if (!result.ok || result.value.length === 0) break;
        yield* this.distribute(sys, result.value);
      }
    }
  }
  private *distribute(sys: Syscalls, bytes: Uint8Array): Sys<void> {
    let plain: number[] = [];
    for (const byte of bytes) {
      if (this.escaped) {
        this.escaped = false;
        if (byte === ESCAPE) plain.push(byte); else yield* this.command(sys, String.fromCharCode(byte));
      } else if (byte === ESCAPE && !this.focus?.raw) {
        yield* this.deliver(sys, plain);
        plain = [];
        this.escaped = true;
      } else plain.push(byte);
    }
    yield* this.deliver(sys, plain);
  }
  private *deliver(sys: Syscalls, bytes: number[]): Sys<void> {
    if (this.focus && bytes.length) yield* this.stream.feed(sys, this.focus.state, Uint8Array.from(bytes));
  }
  private *command(sys: Syscalls, key: string): Sys<void> {
    const named = this.clients.filter(c => c.state.label !== '');
    if (key === 'l')
      this.queue.push(bytesOf(named.map((c, i) => `[console] ${i + 1} ${c.state.label}${c === this.focus ? ' *' : ''}\n`).join('')));
    else if (key === 'n' && named.length) this.turnTo(named[(named.indexOf(this.focus!) + 1) % named.length]);
    else if (key === 'h') this.showHistory();
    else if (key === 'o') this.toggleOnly();
    else if (named[Number(key) - 1]) this.turnTo(named[Number(key) - 1]);
    yield* this.flush(sys);
  }
}

/** Adds text to the last lines of a client. */
function remember(history: string[], text: string): void {
  const [first, ...more] = text.replaceAll('\r', '').split('\n'), last = history.length - 1;
  history[last] = (history[last]! + first!).slice(-LONGEST);
  for (const line of more) history.push(line.slice(-LONGEST));
  if (history.length > HISTORY + 1) history.splice(0, history.length - HISTORY - 1);
}

export const consoleMux: Program = {
  name: 'console',
  *main(sys, env) {
    const out = valueOf(yield* openConsole(sys, env, 'out'));
    yield* new Multiplexer(env, out).run(sys, env);
  },
};
