import { describe, expect, test } from 'vitest';
import type { NetWiring } from '../devices/net-port.ts';
import { TestEvents } from '../devices/testing.ts';
import { tapped } from './capture.ts';
import { Hub, loopback } from './hub.ts';

const A = Uint8Array.of(2, 0, 0, 0, 0, 0xa), B = Uint8Array.of(2, 0, 0, 0, 0, 0xb), C = Uint8Array.of(2, 0, 0, 0, 0, 0xc);
const EVERYBODY = new Uint8Array(6).fill(0xff);
const frame = (to: Uint8Array, from: Uint8Array, n: number): Uint8Array => Uint8Array.of(...to, ...from, 0x88, 0xb5, n);

/** Plugs in; returns the last byte of each arriving frame. */
function plug(wiring: NetWiring, events: TestEvents) {
  const got: number[] = [], port = wiring(events);
  port.onFrame((f) => got.push(f.at(-1)!));
  return { got, send: (f: Uint8Array) => port.send(f) };
}

describe('cables', () => {
  test('a loop gives back every frame, later and in order, whatever becomes of the bytes meanwhile', () => {
    const events = new TestEvents(), end = plug(loopback, events), first = frame(B, A, 1);
    end.send(first);
    end.send(frame(B, A, 2));
    first.fill(0);
    expect(end.got).toEqual([]);
    events.advanceTo(1e6);
    expect(end.got).toEqual([1, 2]);
  });

  test('a switch floods until it has learnt who is where', () => {
    const events = new TestEvents(), hub = new Hub(), [first, second, third] = [A, B, C].map(() => plug(hub.port, events));
    const step = (from: typeof first, f: Uint8Array): void => { from.send(f); events.advanceTo(events.now + 1e6); };
    step(first, frame(B, A, 1));
    step(second, frame(A, B, 2));
    step(first, frame(B, A, 3));
    step(third, frame(EVERYBODY, C, 4));
    expect([first.got, second.got, third.got]).toEqual([[2, 4], [1, 3, 4], [1]]);
    step(third, frame(B, B, 5)); // it has moved to where it is now
    step(first, frame(B, A, 6));
    expect([second.got, third.got]).toEqual([[1, 3, 4], [1, 6]]);
  });

  test('a tap sees both directions, with the cycle', () => {
    const events = new TestEvents(), seen: [number, string][] = [],
      end = plug(tapped(loopback, ({ cycle, direction }) => seen.push([cycle, direction])), events);
    end.send(frame(B, A, 1));
    events.advanceTo(1e6);
    expect(seen).toEqual([[0, 'out'], [40_000, 'in']]);
  });
});
