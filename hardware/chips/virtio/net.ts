/**
 * virtio network card: queue 0 to the driver, queue 1 from it, queue 2 for control.
 *
 *   packet: flags u8, gso_type u8, hdr_len u16, gso_size u16, csum_start u16, csum_offset u16, num_buffers u16 │ frame
 *
 * State: the receive filter, frames that wait for buffers (at most 256; more are lost, as on a real card).
 * Features: mac, status, mtu, checksums filled in for the driver, mergeable receive buffers, control queue: receive modes,
 * address tables, own address, VLAN filter. Missing: segmentation offload, several queue pairs, guest announcements, RSS.
 * Documentation: virtio 1.2, 5.1. Requirements met, clause by clause: README.md.
 */
import type { FramePort } from '../ports.ts';
import { Net, VirtioId } from './layout.ts';
import type { VirtioModel, VirtioPort } from './model.ts';
import { isTagged, NetFilter, TAG_BYTES, type NetFilterState } from './net-filter.ts';
import { type Chain, gather, scatter, slicePieces, totalLength } from './pieces.ts';

const FEATURE = Net.feature;
/** Frames: 1500 bytes of payload, addresses, type; one VLAN tag more. */
const FRAME_MAX = 1518, FRAME_MIN = 14;
const QUEUE_SIZE = 256;
const CONTROL_QUEUE_SIZE = 64;
const LINK_UP = 1;
const MTU = 1500;
const WAITING_MOST = 256;
const COMMAND_MOST = 1024;

/** Counts since the machine began. */
export type NetCounts = { sent: number; received: number; dropped: number; malformed: number };

export type NetState = { readonly waiting: readonly Uint8Array[]; readonly filter: NetFilterState; readonly counts: Readonly<NetCounts> };

export class VirtioNet implements VirtioModel {
  readonly name = 'net';
  readonly id = VirtioId.NET;
  readonly features = Object.values(FEATURE);
  readonly featureNeeds = Object.fromEntries([
    FEATURE.CTRL_RX, FEATURE.CTRL_VLAN, FEATURE.CTRL_RX_EXTRA, FEATURE.CTRL_MAC_ADDR
  ].map((f) => [f, FEATURE.CTRL_VQ]));
  readonly queueSizes = [QUEUE_SIZE, QUEUE_SIZE, CONTROL_QUEUE_SIZE];
  readonly counts: NetCounts = { sent: 0, received: 0, dropped: 0, malformed: 0 };
  readonly #outside: FramePort;
  readonly #filter: NetFilter;
  #waiting: Uint8Array[] = [];
  #port!: VirtioPort;

  /** `mac`: six bytes. */
  constructor(outside: FramePort, mac: Uint8Array) {
    this.#outside = outside;
    this.#filter = new NetFilter(mac);
    outside.onFrame((frame) => this.#arrived(frame));
  }

  attach(port: VirtioPort): void {
    this.#port = port;
  }

  reset(): void {
    this.#filter.reset();
    this.#waiting = [];
  }

  save(): NetState { return { waiting: [...this.#waiting], filter: this.#filter.save(), counts: { ...this.counts } }; }

  load(state: NetState): void {
    this.#waiting = [...state.waiting];
    this.#filter.load(state.filter);
    Object.assign(this.counts, state.counts);
  }

  /** mac u8[6], status u16, max_virtqueue_pairs u16, mtu u16. @spec virtio 5.1.4 */
  config(): Uint8Array {
    const bytes = new Uint8Array(Net.config.BYTES);
    const data = new DataView(bytes.buffer);
    bytes.set(this.#filter.mac, Net.config.MAC);
    data.setUint16(Net.config.STATUS, LINK_UP, true);
    data.setUint16(Net.config.MAX_PAIRS, 1, true);
    data.setUint16(Net.config.MTU, MTU, true);
    return bytes;
  }

  notify(index: number): void {
    if (index === Net.RECEIVE) this.#receive();
    else if (index === Net.TRANSMIT) this.#transmit();
    else this.#control();
  }

  // ── out ──

  #transmit(): void {
    const queue = this.#port.queue(Net.TRANSMIT);
    for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
      this.#send(chain);
      queue.push(chain, 0);
    }
    this.#port.usedBuffers(Net.TRANSMIT);
  }

  #send(chain: Chain): void {
    const length = totalLength(chain.readable) - Net.HEADER;
    if (length < FRAME_MIN || length > FRAME_MAX) {
      this.counts.malformed++;
      return;
    }
    const packet = gather(this.#port.memory, chain.readable);
    const frame = packet.subarray(Net.HEADER);
    if ((packet[Net.FLAGS_AT] & Net.NEEDS_CHECKSUM) !== 0 && this.#port.negotiated(FEATURE.CSUM)) {
      const header = new DataView(packet.buffer);
      fillChecksum(frame, header.getUint16(Net.CHECKSUM_START_AT, true), header.getUint16(Net.CHECKSUM_OFFSET_AT, true));
    }
    this.counts.sent++;
    this.#outside.send(frame);
  }

  // ── in ──

  #arrived(frame: Uint8Array): void {
    if (frame.length < FRAME_MIN || frame.length > MTU + FRAME_MIN + (isTagged(frame) ? TAG_BYTES : 0)) return;
    this.#port.guarded(() => {
      if (!this.#filter.wants(frame, this.#port.negotiated(FEATURE.CTRL_VLAN))) return;
      if (this.#waiting.length >= WAITING_MOST) this.counts.dropped++;
      else this.#waiting.push(frame);
      this.#receive();
    });
  }

  #receive(): void {
    while (this.#waiting.length > 0 && this.#deliver(this.#waiting[0])) {
      this.counts.received++;
      this.#waiting.shift();
    }
    this.#port.usedBuffers(Net.RECEIVE);
  }

  /** Puts a frame into the driver's buffers; false = there are not enough of them yet. */
  #deliver(frame: Uint8Array): boolean {
    const queue = this.#port.queue(Net.RECEIVE);
    const packet = new Uint8Array(Net.HEADER + frame.length);
    packet.set(frame, Net.HEADER);
    const chains = this.#buffersFor(packet.length);
    if (chains === undefined) return false;
    new DataView(packet.buffer).setUint16(Net.BUFFERS_AT, chains.length, true);
    let at = 0;
    for (const chain of chains) {
      const written = scatter(this.#port.memory, chain.writable, packet.subarray(at));
      queue.push(chain, written);
      at += written;
    }
    return true;
  }

  /** Buffers for a packet: one, or several where the driver lets them be merged. @spec virtio 5.1.6.4 */
  #buffersFor(length: number): Chain[] | undefined {
    const queue = this.#port.queue(Net.RECEIVE);
    const chains: Chain[] = [];
    for (let room = 0; room < length; ) {
      const chain = queue.pop();
      if (chain === undefined) {
        for (const taken of chains.reverse()) queue.unpop(taken);
        return undefined;
      }
      const space = totalLength(chain.writable);
      if (chains.length === 0 && space < length && !this.#port.negotiated(FEATURE.MRG_RXBUF)) {
        // Too small for any packet: it goes back empty, and the packet waits for the next one. @spec virtio 5.1.6.3.2
        queue.push(chain, 0);
        continue;
      }
      chains.push(chain);
      room += space;
    }
    return chains;
  }

  // ── control ──

  #control(): void {
    const queue = this.#port.queue(Net.CONTROL);
    for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
      const length = totalLength(chain.readable);
      const done = length >= 2 && length <= COMMAND_MOST && this.#filter.command(gather(this.#port.memory, chain.readable));
      queue.push(chain, scatter(this.#port.memory, slicePieces(chain.writable, 0, 1), Uint8Array.of(done ? 0 : 1)));
    }
    this.#port.usedBuffers(Net.CONTROL);
  }
}

/** Computes the internet checksum from `start` to the end and stores it at `start + offset`. @spec virtio 5.1.6.2 */
function fillChecksum(frame: Uint8Array, start: number, offset: number): void {
  if (start + offset + 2 > frame.length) return;
  let sum = 0;
  for (let i = start; i < frame.length; i += 2) sum += (frame[i] << 8) | (frame[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  const value = ~sum & 0xffff || 0xffff;
  frame[start + offset] = value >> 8;
  frame[start + offset + 1] = value & 0xff;
}
