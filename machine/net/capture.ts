/** A tap on a cable: reports every frame that a card sends and receives, with the cycle. */
import type { NetPort, NetWiring } from '../devices/net-port.ts';

export interface Captured {
  /** Virtual time in cycles (nanoseconds). */
  readonly cycle: number;
  /** From the card's point of view. */
  readonly direction: 'in' | 'out';
  /** Valid during the call. */
  readonly frame: Uint8Array;
}

export function tapped(wiring: NetWiring, see: (captured: Captured) => void): NetWiring {
  return (events): NetPort => {
    const port = wiring(events);
    return {
      send(frame) {
        see({ cycle: events.now, direction: 'out', frame });
        port.send(frame);
      },
      onFrame(receive) {
        port.onFrame((frame) => {
          see({ cycle: events.now, direction: 'in', frame });
          receive(frame);
        });
      },
    };
  };
}
