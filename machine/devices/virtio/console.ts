/**
 * virtio console: one port, queue 0 to the guest, queue 1 from it.
 *
 * State: the size of the terminal.
 * Features: window size with change notification. Missing: several ports, the control queues, emergency write.
 * Documentation: virtio 1.2, 5.3.
 */
import type { CharBackend } from '../device.ts';
import { VirtioId, type VirtioModel, type VirtioPort } from './model.ts';
import { gather, scatter, totalLength } from './pieces.ts';

const FEATURE_SIZE = 0;
const QUEUE = { RECEIVE: 0, TRANSMIT: 1 } as const;
const QUEUE_SIZE = 64;
const CONFIG_BYTES = 12;

export class VirtioConsole implements VirtioModel {
  readonly name = 'console';
  readonly id = VirtioId.CONSOLE;
  readonly features = [FEATURE_SIZE];
  readonly queueSizes = [QUEUE_SIZE, QUEUE_SIZE];
  readonly #backend: CharBackend;
  #columns = 80;
  #rows = 25;
  #port!: VirtioPort;

  constructor(backend: CharBackend) {
    this.#backend = backend;
    backend.onInput(() => this.#port.guarded(() => this.#receive()));
  }

  attach(port: VirtioPort): void {
    this.#port = port;
  }

  /** cols u16, rows u16, max_nr_ports u32, emerg_wr u32 */
  config(): Uint8Array {
    const bytes = new Uint8Array(CONFIG_BYTES);
    const data = new DataView(bytes.buffer);
    data.setUint16(0, this.#columns, true);
    data.setUint16(2, this.#rows, true);
    data.setUint32(4, 1, true);
    return bytes;
  }

  resize(columns: number, rows: number): void {
    this.#columns = columns;
    this.#rows = rows;
    this.#port.configChanged();
  }

  notify(index: number): void {
    if (index === QUEUE.TRANSMIT) this.#transmit();
    else this.#receive();
  }

  #transmit(): void {
    const queue = this.#port.queue(QUEUE.TRANSMIT);
    for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
      this.#output(gather(this.#port.memory, chain.readable));
      queue.push(chain, 0);
    }
    this.#port.usedBuffers(QUEUE.TRANSMIT);
  }

  #output(bytes: Uint8Array): void {
    if (this.#backend.outputBytes) this.#backend.outputBytes(bytes);
    else for (const byte of bytes) this.#backend.output(byte);
  }

  /** Fills the guest's buffers with what waits; input stays outside until there is a buffer. */
  #receive(): void {
    const queue = this.#port.queue(QUEUE.RECEIVE);
    for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
      const bytes = this.#backend.take(totalLength(chain.writable));
      if (bytes.length === 0) {
        queue.unpop(chain);
        break;
      }
      queue.push(chain, scatter(this.#port.memory, chain.writable, bytes));
    }
    this.#port.usedBuffers(QUEUE.RECEIVE);
  }
}
