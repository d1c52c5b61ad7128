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
import type { CharBackend } from '../device.ts';
import { ConsoleControl, type PortInfo } from './console-control.ts';
import { VirtioId, type VirtioModel, type VirtioPort } from './model.ts';
import { gather, scatter, slicePieces, totalLength } from './pieces.ts';

const FEATURE = { SIZE: 0, MULTIPORT: 1, EMERG_WRITE: 2 } as const;
const QUEUE_SIZE = 64;
const CONFIG = { ROWS: 2, MAX_PORTS: 4, EMERG_WRITE: 8, SIZE: 12 } as const;
const FIRST_CONTROL = 2, CONTROL_QUEUES = 2;
/** Output is taken in pieces of at most this length: a request may name all of memory many times over. */
const PIECE_BYTES = 0x1_0000, MOST_BYTES = 0x100_0000;

/** One more port of the device. */
export interface ConsolePort extends PortInfo {
  readonly backend: CharBackend;
}

export class VirtioConsole implements VirtioModel {
  readonly name = 'console';
  readonly id = VirtioId.CONSOLE;
  readonly features: readonly number[];
  readonly queueSizes: readonly number[];
  readonly #backends: readonly CharBackend[];
  readonly #open: boolean[];
  readonly #control: ConsoleControl | undefined;
  #columns = 80;
  #rows = 25;
  #port!: VirtioPort;

  /** Port 0 is a terminal on `backend`; `more` are the others. */
  constructor(backend: CharBackend, more: readonly ConsolePort[] = []) {
    this.#backends = [backend, ...more.map((p) => p.backend)];
    this.#open = this.#backends.map(() => false);
    this.#control = more.length === 0 ? undefined : new ConsoleControl([{ console: true }, ...more], (port, open) => this.#setOpen(port, open));
    this.features = [FEATURE.SIZE, FEATURE.EMERG_WRITE, ...(more.length === 0 ? [] : [FEATURE.MULTIPORT])];
    this.queueSizes = Array.from({ length: more.length === 0 ? 2 : 4 + 2 * more.length }, () => QUEUE_SIZE);
    this.#backends.forEach((b, port) => b.onInput(() => this.#port.guarded(() => this.#receive(port))));
  }

  attach(port: VirtioPort): void {
    this.#port = port;
    this.#control?.attach(port);
  }

  reset(): void {
    this.#open.fill(false);
    this.#control?.reset();
  }

  /** cols u16, rows u16, max_nr_ports u32, emerg_wr u32 */
  config(): Uint8Array {
    const bytes = new Uint8Array(CONFIG.SIZE);
    const data = new DataView(bytes.buffer);
    data.setUint16(0, this.#columns, true);
    data.setUint16(CONFIG.ROWS, this.#rows, true);
    data.setUint32(CONFIG.MAX_PORTS, this.#backends.length, true);
    return bytes;
  }

  /** A character without any queue, for kernels in trouble, at any time. @spec virtio 5.3.4 */
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
    const queue = this.#port.queue(index);
    for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
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

  /** Fills the guest's buffers with what waits; input stays outside until there is a buffer, and the port is open. */
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
