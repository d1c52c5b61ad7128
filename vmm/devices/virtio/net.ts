/**
 * virtio network card: queue 0 carries frames to the driver, queue 1 from it.
 *
 *   packet   flags u8, segmentation u8, header length u16, segment size u16, checksum start u16, checksum offset u16, buffers u16 │ frame
 *
 * State: frames that wait for buffers, at most 256. Features: address, status, mtu, checksums filled in for the driver, buffers merged
 * for one packet. Missing: control queue (the network sends only what is for this card, or for all), segmentation, several pairs of queues.
 * Documentation: virtio 1.2, 5.1.
 */
import type { FramePort } from '../device.ts';
import { DeviceId, type Model, type Port } from './model.ts';
import { gather, scatter, totalOf, type Request } from './spans.ts';

const Feature = { checksum: 0, mtu: 3, mac: 5, merge: 15, status: 16 } as const;
const RECEIVE = 0, TRANSMIT = 1, QUEUE_SIZE = 128, HEADER = 12, CONFIG_LENGTH = 12;
const FRAME_MOST = 1518, FRAME_LEAST = 14, WAITING_MOST = 256, MTU = 1500, LINK_UP = 1, NEEDS_CHECKSUM = 1;

export class VirtioNet implements Model {
  readonly name = 'net';
  readonly id = DeviceId.net;
  readonly features = Object.values(Feature);
  readonly queueSizes = [QUEUE_SIZE, QUEUE_SIZE];
  readonly #frames: FramePort;
  #waiting: Uint8Array[] = [];
  #port!: Port;

  constructor(frames: FramePort) {
    this.#frames = frames;
    frames.onFrame((frame) => this.#port.guarded(() => this.#arrived(frame)));
  }

  attach(port: Port): void { this.#port = port; }
  reset(): void { this.#waiting = []; }

  /** mac, status u16, pairs of queues u16, mtu u16. @spec virtio 5.1.4 */
  config(): Uint8Array {
    const bytes = new Uint8Array(CONFIG_LENGTH), data = new DataView(bytes.buffer);
    bytes.set(this.#frames.mac);
    data.setUint16(6, LINK_UP, true);
    data.setUint16(8, 1, true);
    data.setUint16(10, MTU, true);
    return bytes;
  }

  notify(index: number): void { if (index === TRANSMIT) this.#transmit(); else this.#receive(); }

  #transmit(): void {
    const queue = this.#port.queues[TRANSMIT];
    for (let request = queue.next(); request; request = queue.next()) {
      const length = totalOf(request.out) - HEADER;
      if (length >= FRAME_LEAST && length <= FRAME_MOST) this.#frames.send(this.#frameOf(request));
      queue.done(request, 0);
    }
    this.#port.announce(TRANSMIT);
  }

  /** The frame, with its checksum if the driver left that to us. @spec virtio 5.1.6.2 */
  #frameOf(request: Request): Uint8Array {
    const packet = gather(this.#port.ram, request.out), frame = packet.subarray(HEADER), header = new DataView(packet.buffer);
    if (packet[0] & NEEDS_CHECKSUM && this.#port.negotiated(Feature.checksum)) addChecksum(frame, header.getUint16(6, true), header.getUint16(8, true));
    return frame;
  }

  #arrived(frame: Uint8Array): void {
    if (this.#waiting.length < WAITING_MOST) this.#waiting.push(frame);
    this.#receive();
  }

  #receive(): void {
    while (this.#waiting.length > 0 && this.#deliver(this.#waiting[0])) this.#waiting.shift();
    this.#port.announce(RECEIVE);
  }

  /** Into one buffer, or several; false = the driver has not given enough of them yet. @spec virtio 5.1.6.3.2 */
  #deliver(frame: Uint8Array): boolean {
    const queue = this.#port.queues[RECEIVE], packet = new Uint8Array(HEADER + frame.length), requests: Request[] = [];
    for (let room = 0; room < packet.length; ) {
      const request = queue.next();
      if (!request) {
        for (const taken of requests.reverse()) queue.putBack(taken);
        return false;
      }
      if (requests.length === 0 && totalOf(request.in) < packet.length && !this.#port.negotiated(Feature.merge)) {
        queue.done(request, 0); // too small for this packet, which may use one buffer only. @spec virtio 5.1.6.3.2
        continue;
      }
      requests.push(request);
      room += totalOf(request.in);
    }
    packet.set(frame, HEADER);
    packet[10] = requests.length;
    let at = 0;
    for (const request of requests) {
      const written = scatter(this.#port.ram, request.in, packet.subarray(at));
      queue.done(request, written);
      at += written;
    }
    return true;
  }
}

/** The internet checksum of all from `start` on, put `offset` behind it. */
function addChecksum(frame: Uint8Array, start: number, offset: number): void {
  if (start + offset + 2 > frame.length) return;
  let sum = 0;
  for (let i = start; i < frame.length; i += 2) sum += (frame[i] << 8) | (frame[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  const value = ~sum & 0xffff || 0xffff;
  frame[start + offset] = value >> 8;
  frame[start + offset + 1] = value & 0xff;
}
