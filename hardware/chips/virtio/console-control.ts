/**
 * The control messages of a virtio console with several ports.
 *
 *   id u32, event u16, value u16 [, name]        both ways; the name follows PORT_NAME
 *
 * State: messages that wait for the driver's buffers, and the ports that the driver has open.
 * @spec virtio 5.3.6.2
 */
import { gather, scatter, totalLength } from './pieces.ts';
import type { VirtioPort } from './model.ts';

const EVENT = { DEVICE_READY: 0, DEVICE_ADD: 1, PORT_READY: 3, CONSOLE_PORT: 4, RESIZE: 5, PORT_OPEN: 6, PORT_NAME: 7 } as const;
const MESSAGE_BYTES = 8;
/** Bounds the messages kept for a driver that provides no buffers. */
const WAITING_MOST = 256;
export const CONTROL = { RECEIVE: 2, TRANSMIT: 3 } as const;

/** A port as its driver sees it. */
export interface PortInfo {
  /** The name that the guest shows. */
  readonly name?: string;
  /** A terminal rather than a plain channel. */
  readonly console: boolean;
}

export type ControlState = { readonly added: boolean; readonly waiting: readonly Uint8Array[] };

export class ConsoleControl {
  readonly #ports: readonly PortInfo[];
  readonly #opened: (port: number, open: boolean) => void;
  #waiting: Uint8Array[] = [];
  /** The driver has been told about the ports. @spec virtio 5.3.6.2.1 */
  #added = false;
  #port!: VirtioPort;

  /** `opened`: called when the driver opens or closes a port. */
  constructor(ports: readonly PortInfo[], opened: (port: number, open: boolean) => void) {
    this.#ports = ports;
    this.#opened = opened;
  }

  attach(port: VirtioPort): void {
    this.#port = port;
  }

  reset(): void {
    this.#added = false;
    this.#waiting = [];
  }

  save(): ControlState { return { added: this.#added, waiting: [...this.#waiting] }; }

  load(state: ControlState): void {
    this.#added = state.added;
    this.#waiting = [...state.waiting];
  }

  /** The driver has provided buffers for messages, or has sent messages. */
  notify(index: number): void {
    if (index === CONTROL.RECEIVE) return this.flush();
    const queue = this.#port.queue(CONTROL.TRANSMIT);
    for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
      if (totalLength(chain.readable) === MESSAGE_BYTES) this.#message(new DataView(gather(this.#port.memory, chain.readable).buffer));
      queue.push(chain, 0);
    }
    this.#port.usedBuffers(CONTROL.TRANSMIT);
    this.flush();
  }

  resized(port: number, columns: number, rows: number): void {
    this.#tell(port, EVENT.RESIZE, 0, Uint8Array.of(columns & 0xff, columns >> 8, rows & 0xff, rows >> 8));
  }

  /** Delivers waiting messages while the guest has buffers. */
  flush(): void {
    const queue = this.#port.queue(CONTROL.RECEIVE);
    while (this.#waiting.length > 0) {
      const chain = queue.pop();
      if (chain === undefined) break;
      queue.push(chain, scatter(this.#port.memory, chain.writable, this.#waiting.shift()!));
    }
    this.#port.usedBuffers(CONTROL.RECEIVE);
  }

  #message(data: DataView): void {
    const [id, event, value] = [data.getUint32(0, true), data.getUint16(4, true), data.getUint16(6, true)];
    if (event === EVENT.DEVICE_READY) {
      if (value === 1 && !this.#added) this.#ports.forEach((_, port) => this.#tell(port, EVENT.DEVICE_ADD, 1));
      this.#added ||= value === 1;
      return;
    }
    const port = this.#ports[id];
    if (port === undefined) return;
    if (event === EVENT.PORT_READY && value === 1) this.#introduce(id, port);
    if (event === EVENT.PORT_OPEN) this.#opened(id, value === 1);
  }

  #introduce(id: number, port: PortInfo): void {
    if (port.console) this.#tell(id, EVENT.CONSOLE_PORT, 1);
    if (port.name !== undefined) this.#tell(id, EVENT.PORT_NAME, 1, new TextEncoder().encode(port.name));
    this.#tell(id, EVENT.PORT_OPEN, 1);
  }

  #tell(id: number, event: number, value: number, more: Uint8Array = new Uint8Array(0)): void {
    if (this.#waiting.length >= WAITING_MOST) return;
    const bytes = new Uint8Array(MESSAGE_BYTES + more.length);
    const data = new DataView(bytes.buffer);
    data.setUint32(0, id, true);
    data.setUint16(4, event, true);
    data.setUint16(6, value, true);
    bytes.set(more, MESSAGE_BYTES);
    this.#waiting.push(bytes);
  }
}
