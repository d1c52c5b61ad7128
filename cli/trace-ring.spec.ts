import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Frame, RingSink, SharedRing, Status } from './trace-ring.ts';

it('gives back every frame in order, also around its end', () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 900 }), { maxLength: 60 }), (lengths) => {
    const ring = new SharedRing(new SharedArrayBuffer(256 + 4096)), seen: string[] = [], sent: string[] = [];
    let waiting = 0;
    const take = (): void => {
      ring.take((type, first, second, bytes) => {
        seen.push(`${type} ${first} ${second} ${bytes.length} ${bytes[0] ?? '-'} ${bytes.at(-1) ?? '-'}`);
      });
      waiting--;
    };
    lengths.forEach((length, n) => {
      const data = new Uint8Array(length).fill(n + 1);
      while (waiting > 0 && n % 3 === 0) take();
      while (!ring.put(Frame.payload, n, 2 * n, data, 0)) take();
      waiting++;
      sent.push(`4 ${n} ${2 * n} ${length} ${data[0] ?? '-'} ${data.at(-1) ?? '-'}`);
    });
    while (waiting > 0) take();
    expect(seen).toEqual(sent);
  }), { numRuns: 200 });
});
it('refuses a frame that would never fit', () => {
  expect(() => new SharedRing(new SharedArrayBuffer(256 + 4096)).put(Frame.records, 0, 0, new Uint8Array(4096))).toThrow('too large');
});
it('hands over the error of a writer', () => {
  const ring = new SharedRing(new SharedArrayBuffer(256 + 4096));
  ring.failed(Object.assign(new Error('no space left'), { code: 'ENOSPC' }));
  expect([ring.status, ring.failure]).toEqual([Status.failed, 'ENOSPC']);
});
it('waits for a reader in another thread when it is full, and for the end', async () => {
  const ring = new SharedRing(new SharedArrayBuffer(256 + 4096)), sink = new RingSink(ring);
  // Reads slowly: the sender has to wait.
  const reader = new Worker(`
    const { workerData: m } = require('node:worker_threads');
    const s = new Int32Array(m, 0, 64), v = new DataView(m, 256), n = (m.byteLength - 256) / 8;
    for (let frames = 0; ; ) {
      const tail = Atomics.load(s, 1);
      if (Atomics.load(s, 0) === tail) { Atomics.wait(s, 0, tail, 10); continue; }
      const type = v.getUint32(tail * 8, true), units = type === 1 ? n - tail : (24 + ((v.getUint32(tail * 8 + 4, true) + 7) & ~7)) / 8;
      if (type !== 1) frames++;
      Atomics.store(s, 1, (tail + units) % n); Atomics.notify(s, 1);
      if (type === 5) { Atomics.store(s, 2, frames === 201 ? 2 : 3); Atomics.notify(s, 2); break; }
    }`, { eval: true, workerData: ring.memory });
  for (let n = 0; n < 200; n++) sink.records(n, new Uint8Array(800));
  sink.close();
  expect([sink.lost, ring.status]).toEqual([false, Status.closed]);
  await reader.terminate();
});
