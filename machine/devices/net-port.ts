/**
 * The port that a network card is plugged into. A frame is an Ethernet frame from the destination address to the last byte of the
 * payload, without preamble and check sequence. A port is made with the machine's events, so that a frame that is sent at
 * one cycle arrives at a later one and never within the send.
 */
import type { FramePort } from '../../hardware/chips/ports.ts';
import type { EventQueue } from '../api.ts';

export type NetPort = FramePort;

/** Makes the port of one card. */
export type NetWiring = (events: EventQueue) => NetPort;

/** One card of a board. */
export interface NetCard {
  readonly connect: NetWiring;
  /** Six bytes; the board numbers its cards when there is none. */
  readonly mac?: Uint8Array;
}

/** The largest frame: 1500 bytes of payload, addresses, type, one VLAN tag. */
export const FRAME_MAX = 1518;
export const FRAME_MIN = 14;
/** Cycles (1 ns each) that a frame travels. */
export const WIRE_CYCLES = 20_000;

/** 52:54:00:12:34:56 and following, as QEMU numbers its cards. */
export function macOf(card: number): Uint8Array {
  return Uint8Array.of(0x52, 0x54, 0x00, 0x12, 0x34, (0x56 + card) & 0xff);
}
