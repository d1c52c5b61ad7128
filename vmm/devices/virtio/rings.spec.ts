/** Rings of virtual devices under the suite that they share with the machine's. */
import { ringSuite } from '../../../test/virtio-rings.ts';
import { Rig } from '../../../machine/devices/virtio/testing.ts';
import type { TestMemory } from '../../../machine/devices/testing.ts';
import { GuestRam, type RamAccess } from '../../ram.ts';
import type { Model, Port } from './model.ts';
import { gather, scatter, totalOf } from './spans.ts';
import { VirtioTransport } from './transport.ts';

/** Gives back what it reads, reversed. */
class Mirror implements Model {
  readonly name = 'mirror';
  readonly id = 42;
  readonly features = [];
  readonly queueSizes = [64];
  #port!: Port;
  attach(port: Port): void { this.#port = port; }
  config(): Uint8Array { return Uint8Array.of(1, 2, 3, 4); }
  notify(index: number): void {
    const queue = this.#port.queues[index], { ram } = this.#port;
    for (let request = queue.next(); request; request = queue.next()) {
      queue.putBack(request); // a device may look at a request and take it only later
      const again = queue.next()!, bytes = totalOf(again.out) > 4096 ? new Uint8Array(0) : gather(ram, again.out);
      queue.done(again, scatter(ram, again.in, bytes.reverse()));
    }
    this.#port.announce(index);
  }
}

/** Guest memory that lies where it would on a machine of its own. */
function ramOver(memory: TestMemory): GuestRam {
  const access: RamAccess = {
    u8: (a) => memory.u8(a), u16: (a) => memory.u16(a), u32: (a) => memory.u32(a), setU8: (a, v) => memory.setU8(a, v), setU16: (a, v) => memory.setU16(a, v), setU32: (a, v) => memory.setU32(a, v),
    read: (a, n) => memory.view(a, n).slice(), write: (a, bytes) => memory.view(a, bytes.length).set(bytes), fill: (a, n, byte) => memory.fill(a, n, byte), view: (a, n) => memory.view(a, n), writable: (a, n) => memory.view(a, n),
  };
  return new GuestRam(access, memory.base, memory.size);
}

ringSuite((choice, features) => new Rig((memory, irq) => new VirtioTransport(new Mirror(), ramOver(memory), irq), 1, choice, features));
