/**
 * virtio console: one port or several, each with a queue to the guest and one from it.
 *
 *   queue 0, 1   port 0: receive, transmit        queue 4, 5   port 1, and so on
 *   queue 2, 3   control: receive, transmit       (with several ports only)
 *
 * State: the size of the terminal, which ports are open, messages of control.
 * Features: window size with change notification, several ports with names, emergency write. Missing: ports that come and
 * go while the machine runs.
 * Documentation: virtio 1.2, 5.3. Requirements met, clause by clause: README.md.
 */
import type { CharPort } from '../ports.ts';
import { ConsoleControl, type ControlState, type PortInfo } from './console-control.ts';
import { Console, VirtioId } from './layout.ts';
import type { VirtioModel, VirtioPort } from './model.ts';
import { gather, scatter, slicePieces, totalLength } from './pieces.ts';

const FEATURE = Console.feature, CONFIG = Console.config;
const QUEUE_SIZE = 64;
const FIRST_CONTROL = 2, CONTROL_QUEUES = 2;
/** A request may name all of memory many times over, so the device takes output in pieces and at most one MiB of a request. */
const PIECE_BYTES = 0x1_0000, MOST_BYTES = 0x10_0000;

/** One more port of the device. */
export interface ConsolePort extends PortInfo {
  readonly backend: CharPort;
}

export type ConsoleState = {
  readonly columns: number; readonly rows: number; readonly open: readonly boolean[]; readonly control: ControlState | null
};

export class VirtioConsole implements VirtioModel {
  readonly name = 'console';
  readonly id = VirtioId.CONSOLE;
  readonly features: readonly number[];
  readonly queueSizes: readonly number[];
  readonly #backends: readonly CharPort[];
  readonly #open: boolean[];
  readonly #control: ConsoleControl | undefined;
  #columns = 80;
  #rows = 25;
  #port!: VirtioPort;

  /** Port 0 is a terminal on `backend`; `more` are the others. */
  constructor(backend: CharPort, more: readonly ConsolePort[] = []) {
    this.#backends = [backend, ...more.map((p) => p.backend)];
    this.#open = this.#backends.map(() => false);
    this.#control = more.length === 0
      ? undefined
      : new ConsoleControl([{ console: true }, ...more], (port, open) => this.#setOpen(port, open));
    this.features = [FEATURE.SIZE, FEATURE.EMERG_WRITE, ...(more.length === 0 ? [] : [FEATURE.MULTIPORT])];
    this.queueSizes = Array.from({ length: more.length === 0 ? 2 : 4 + 2 * more.length }, () => QUEUE_SIZE);
    this.#backends.forEach((stream, port) => {
      stream.onInput(() => this.#port.guarded(() => this.#receive(port)));
      stream.onRoom?.(() => this.#port.guarded(() => this.#transmit(port === 0 ? Console.TRANSMIT : 2 * port + CONTROL_QUEUES + 1, port)));
    });
  }

  attach(port: VirtioPort): void {
    this.#port = port;
    this.#control?.attach(port);
  }

  reset(): void {
    this.#open.fill(false);
    this.#control?.reset();
  }

  save(): ConsoleState {
    return { columns: this.#columns, rows: this.#rows, open: [...this.#open], control: this.#control?.save() ?? null };
  }

  load(state: ConsoleState): void {
    [this.#columns, this.#rows] = [state.columns, state.rows];
    state.open.forEach((open, port) => { this.#open[port] = open; });
    if (state.control) this.#control?.load(state.control);
  }

  /** cols u16, rows u16, max_nr_ports u32, emerg_wr u32 */
  config(): Uint8Array {
    const bytes = new Uint8Array(CONFIG.BYTES);
    const data = new DataView(bytes.buffer);
    data.setUint16(CONFIG.COLUMNS, this.#columns, true);
    data.setUint16(CONFIG.ROWS, this.#rows, true);
    data.setUint32(CONFIG.MAX_PORTS, this.#backends.length, true);
    return bytes;
  }

  /** Emergency write: a character without any queue, at any time, for kernels in trouble. @spec virtio 5.3.4 */
  writeConfig(offset: number, value: number): void {
    if (offset === CONFIG.EMERG_WRITE) this.#backends[0].output(value & 0xff);
  }

  resize(columns: number, rows: number): void {
    this.#columns = columns;
    this.#rows = rows;
    if (this.#isMultiport) this.#port.guarded(() => {
      this.#control!.resized(0, columns, rows);
      this.#control!.flush();
    });
    this.#port.configChanged();
  }

  notify(index: number): void {
    const isControl = index >= FIRST_CONTROL && index < FIRST_CONTROL + CONTROL_QUEUES;
    if (isControl) return this.#control?.notify(index);
    const port = index < FIRST_CONTROL ? 0 : (index - CONTROL_QUEUES) >> 1;
    if ((index & 1) === 1) this.#transmit(index, port);
    else this.#receive(port);
  }

  get #isMultiport(): boolean {
    return this.#control !== undefined && this.#port.negotiated(FEATURE.MULTIPORT);
  }

  /** Port 0 of a driver without MULTIPORT is always open. */
  #isOpen(port: number): boolean {
    return this.#isMultiport ? this.#open[port] : port === 0;
  }

  #setOpen(port: number, open: boolean): void {
    this.#open[port] = open;
    if (open) this.#receive(port);
  }

  #transmit(index: number, port: number): void {
    const queue = this.#port.queue(index), backend = this.#backends[port];
    // Output stays in the queue while the far end accepts no more.
    for (let chain = backend.full ? undefined : queue.pop(); chain !== undefined; chain = backend.full ? undefined : queue.pop()) {
      const length = Math.min(totalLength(chain.readable), MOST_BYTES);
      for (let at = 0; at < length; at += PIECE_BYTES) {
        this.#output(port, gather(this.#port.memory, slicePieces(chain.readable, at, Math.min(PIECE_BYTES, length - at))));
      }
      queue.push(chain, 0);
    }
    this.#port.usedBuffers(index);
  }

  #output(port: number, bytes: Uint8Array): void {
    const backend = this.#backends[port];
    if (backend.outputBytes) backend.outputBytes(bytes);
    else for (const byte of bytes) backend.output(byte);
  }

  /** Fills the guest's buffers with waiting input. Input stays outside while there is no buffer or the port is closed. */
  #receive(port: number): void {
    if (!this.#isOpen(port)) return;
    const index = port === 0 ? 0 : 2 * port + CONTROL_QUEUES;
    const queue = this.#port.queue(index);
    for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
      const bytes = this.#backends[port].take(totalLength(chain.writable));
      if (bytes.length === 0) {
        queue.unpop(chain);
        break;
      }
      queue.push(chain, scatter(this.#port.memory, chain.writable, bytes));
    }
    this.#port.usedBuffers(index);
  }
}
