/** Network frames that a recording captured, as a pcapng file: an interface for each card. */
import { Part, type PayloadPart } from '../payload.ts';
import { LinkType, interfaceBlock, packetBlock, sectionHeader } from '../pcapng.ts';
import type { TraceSource } from '../reader.ts';

/** Bit of a frame's index that marks a received frame; the other bits are the card's number. */
export const INCOMING = 0x80;

const TIME = 8;
const timeOf = (p: PayloadPart): number => new DataView(p.bytes.buffer, p.bytes.byteOffset).getFloat64(0, true);

export function* pcapng(trace: TraceSource): Generator<Uint8Array> {
  const cards = new Map<number, number>();
  yield sectionHeader('tessera');
  for (const record of trace.records()) for (const part of trace.payload(record.sequence)) {
    if (part.part !== Part.frame || part.bytes.length < TIME) continue;
    const card = part.index & ~INCOMING;
    let at = cards.get(card);
    if (at === undefined) {
      cards.set(card, (at = cards.size));
      yield interfaceBlock({ name: `net${card}`, linkType: LinkType.ETHERNET });
    }
    yield packetBlock({
      interface: at, nanoseconds: Math.round(timeOf(part)), bytes: part.bytes.subarray(TIME),
        direction: part.index & INCOMING ? 'in' : 'out',
      comment: `record ${record.sequence}`
    });
  }
}
