/**
 * A network card's cable to another program: frames over a TCP connection, each behind its length (u32, big endian). QEMU's
 * `-netdev stream` and `-netdev socket` speak the same, and so does another `tessera`.
 *
 *   connect=HOST:PORT   to a listening program         listen=[HOST:]PORT   for one peer at a time
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { FRAME_MAX, FRAME_MIN } from '../machine/devices/net-port.ts';
import { CliError, Exit } from './errors.ts';

const LENGTH_BYTES = 4;
/** Bytes stored for a peer that does not read; more are lost, as on a real network. */
const UNSENT_MOST = 1 << 20;

export interface Address { readonly host: string; readonly port: number }

/** Reads `HOST:PORT` or `PORT`; undefined when it is neither. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:(.+):)?(\d{1,5})$/.exec(text);
  const port = match ? Number(match[2]) : 0;
  return port > 0 && port < 65_536 ? { host: match![1]?.replace(/^\[(.*)\]$/, '$1') ?? '127.0.0.1', port } : undefined;
}

export class NetLink {
  readonly #receive: (frame: Uint8Array) => void;
  readonly #ended: () => void;
  #socket: Socket | undefined;
  #server: Server | undefined;
  #rest: Buffer = Buffer.alloc(0);

  /** `receive`: a frame has arrived; `ended`: no more will come. */
  constructor(receive: (frame: Uint8Array) => void, ended: () => void) {
    this.#receive = receive;
    this.#ended = ended;
  }

  /** @throws CliError when no program listens there. */
  async connect(address: Address): Promise<void> {
    const socket = connect(address.port, address.host);
    await settled(socket, 'connect', `connected to ${address.host}:${address.port}`, 'start the other side first, or use listen=PORT here');
    this.#attach(socket, () => this.#ended());
  }

  /** @throws CliError when the port is taken. */
  async listen(address: Address): Promise<void> {
    const server = (this.#server = createServer((socket) => {
      if (this.#socket === undefined) this.#attach(socket, () => { this.#socket = undefined; });
      else socket.destroy();
    }));
    server.listen(address.port, address.host);
    await settled(server, 'listening', `opened for ${address.host}:${address.port}`, 'choose another port');
  }

  send(frame: Uint8Array): void {
    const socket = this.#socket;
    if (socket === undefined || socket.writableLength > UNSENT_MOST) return;
    const bytes = Buffer.alloc(LENGTH_BYTES + frame.length);
    bytes.writeUInt32BE(frame.length);
    bytes.set(frame, LENGTH_BYTES);
    socket.write(bytes);
  }

  close(): void {
    this.#server?.close();
    this.#socket?.destroy();
  }

  #attach(socket: Socket, gone: () => void): void {
    this.#socket = socket;
    this.#rest = Buffer.alloc(0);
    socket.setNoDelay(true);
    socket.on('data', (data) => this.#data(socket, data));
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', gone);
  }

  /** Disconnects a peer that violates the protocol. */
  #data(socket: Socket, data: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, data]);
    while (this.#rest.length >= LENGTH_BYTES) {
      const length = this.#rest.readUInt32BE();
      if (length > 0x1_0000) return void socket.destroy();
      if (this.#rest.length < LENGTH_BYTES + length) return;
      const frame = Uint8Array.from(this.#rest.subarray(LENGTH_BYTES, LENGTH_BYTES + length));
      this.#rest = this.#rest.subarray(LENGTH_BYTES + length);
      if (length >= FRAME_MIN && length <= FRAME_MAX) this.#receive(frame);
    }
  }
}

/** Waits until the socket or server is open. */
function settled(what: Socket | Server, event: 'connect' | 'listening', done: string, next: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void =>
      reject(new CliError('E_NET', `option --net: the cable cannot be ${done} (${error.code ?? error.message})`, next, Exit.usage));
    what.once('error', failed);
    what.once(event, () => {
      what.off('error', failed);
      resolve();
    });
  });
}
