/**
 * virtio console: one port; queue 0 carries input to the driver, queue 1 output from it.
 *
 * State: none besides the queues. Features: one port. Missing: several ports, window size, emergency write.
 * Documentation: virtio 1.2, 5.3.
 */
import type { CharPort } from '../device.ts';
import { DeviceId, type Model, type Port } from './model.ts';
import { BadQueue, scatter, totalOf } from './spans.ts';

const RECEIVE = 0, TRANSMIT = 1, QUEUE_SIZE = 64, CONFIG_LENGTH = 12;
/** A request may name all of memory many times over; one of this length is not honest. */
const MOST = 2 ** 20;

export class VirtioConsole implements Model {
  readonly name = 'console';
  readonly id = DeviceId.console;
  readonly features = [];
  readonly queueSizes = [QUEUE_SIZE, QUEUE_SIZE];
  readonly #chars: CharPort;
  #port!: Port;

  constructor(chars: CharPort) {
    this.#chars = chars;
    chars.onInput(() => this.#port.guarded(() => this.#receive()));
  }

  attach(port: Port): void { this.#port = port; }
  config(): Uint8Array { return new Uint8Array(CONFIG_LENGTH); }
  notify(index: number): void { if (index === TRANSMIT) this.#transmit(); else this.#receive(); }

  #transmit(): void {
    const queue = this.#port.queues[TRANSMIT];
    for (let request = queue.next(); request; request = queue.next()) {
      if (totalOf(request.out) > MOST) throw new BadQueue('more output in a request than a console takes');
      for (const span of request.out) for (const byte of this.#port.ram.bytes(span.gpa, span.length)) this.#chars.output(byte);
      queue.done(request, 0);
    }
    this.#port.announce(TRANSMIT);
  }

  /** Input stays outside until the driver has a buffer for it. */
  #receive(): void {
    const queue = this.#port.queues[RECEIVE];
    for (let request = queue.next(); request; request = queue.next()) {
      const bytes = this.#chars.take(totalOf(request.in));
      if (bytes.length === 0) { queue.putBack(request); break; }
      queue.done(request, scatter(this.#port.ram, request.in, bytes));
    }
    this.#port.announce(RECEIVE);
  }
}
