/**
 * Requests that a model has taken from a queue and not yet returned: for models whose backend answers later (a disk, a file server).
 *
 *   const request = flight.take(chain);            // … the outside works …
 *   flight.done(request, written);                 // returns it to the driver, unless the driver has reset the queue meanwhile
 *
 * A driver that negotiated IN_ORDER gets requests back in the order they came, other drivers as they finish.
 */
import type { Plain } from '../chip.ts';
import type { Piece } from '../ports.ts';
import { Feature } from './layout.ts';
import type { VirtioPort } from './model.ts';
import { QueueBroken, type Chain } from './pieces.ts';

/** One request: `live` until it is returned or forgotten. */
export interface Flying { readonly chain: Chain; live: boolean; written: number | undefined }

export class InFlight {
  readonly #port: VirtioPort;
  readonly #queue: number;
  #flying: Flying[] = [];

  constructor(port: VirtioPort, queue: number) {
    this.#port = port;
    this.#queue = queue;
  }

  get count(): number { return this.#flying.length; }

  take(chain: Chain): Flying {
    const request: Flying = { chain, live: true, written: undefined };
    this.#flying.push(request);
    return request;
  }

  /** The driver has taken its requests back. */
  forget(): void {
    for (const request of this.#flying) request.live = false;
    this.#flying = [];
  }

  /**
   * The backend has answered: `finish` puts the answer into the request's memory and returns its length in bytes. Nothing happens when the
   * request has been dropped.
   */
  done(request: Flying, finish: () => number): void {
    if (!request.live) return;
    this.#port.guarded(() => {
      request.written = finish();
      this.#giveBack(request);
      this.#port.usedBuffers(this.#queue);
    });
  }

  #giveBack(request: Flying): void {
    if (!this.#port.negotiated(Feature.IN_ORDER)) return this.#push(request);
    for (let first = this.#flying[0]; first?.written !== undefined; first = this.#flying[0]) this.#push(first);
  }

  #push(request: Flying): void {
    request.live = false;
    this.#flying.splice(this.#flying.indexOf(request), 1);
    this.#port.queue(this.#queue).push(request.chain, request.written ?? 0);
  }

  save(): Plain {
    const copies = (pieces: readonly Piece[]): Plain => pieces.map(({ address, length }) => ({ address, length }));
    return this.#flying.map(({ chain, written }) => ({
      id: chain.id, slots: chain.slots, readable: copies(chain.readable), writable: copies(chain.writable), written: written ?? null,
    }));
  }

  /** Restores the saved requests and returns those whose work must start again. @throws QueueBroken when they name what is not memory */
  load(state: readonly (Chain & { readonly written: number | null })[]): Flying[] {
    this.forget();
    for (const { written, ...chain } of state) {
      const pieces = [...chain.readable, ...chain.writable];
      if (!pieces.every((p) => this.#port.memory.isRam(p.address, p.length)))
        throw new QueueBroken('a request names memory that is not there');
      this.take(chain).written = written ?? undefined;
    }
    return this.#flying.filter((r) => r.written === undefined);
  }
}
