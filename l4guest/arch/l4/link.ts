/** The card behind capability `net` as a link of the stack: one thread sends frames, one receives; the main thread never waits for them. */
import { Ops, Own, type Sys } from '../../../microkernel/abi/index.ts';
import type { Syscalls } from '../../../binding/index.ts';
import { openNet, spawn, valueOf, type Env } from '../../../roottask/client/index.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { inetOf } from '../../net/inet/inet.ts';
import { addUplink, type NetworkConfig } from '../../net/inet/uplink.ts';
import type { Shared } from './shared.ts';
import { raise } from './streams.ts';

const MTU = 1500, OUTBOX_MOST = 1024;

export function* openLink(sys: Syscalls, env: Env, shared: Shared, k: Kernel, irq: number, config: NetworkConfig | undefined): Sys<void> {
  if (!env.hasCap('net')) return;
  const net = valueOf(yield* openNet(sys, env, 'net')), semaphore = env.selector(), outbox: Uint8Array[] = [];
  yield* sys.must(Own.factory, Ops.factory.createSemaphore, [semaphore, 0]);
  let sleeping = false;
  const send = (frame: Uint8Array): void => {
    if (outbox.length < OUTBOX_MOST) outbox.push(frame); // a card that is full drops
    if (!sleeping) return;
    sleeping = false;
    shared.kicks.push(semaphore);
    shared.chores = true;
  };
  const face = addUplink(k, { mac: net.mac, mtu: MTU, send }, config), inet = inetOf(k);
  valueOf(yield* spawn(sys, env, function* (own) {
    for (;;) {
      while (outbox.length > 0) yield* net.send(own, outbox.splice(0));
      sleeping = true;
      yield* own.down(semaphore, Ops.semaphore.down, Infinity, 1);
      sleeping = false;
    }
  }, { priority: env.priority }));
  valueOf(yield* spawn(sys, env, function* (own) {
    for (;;) {
      const got = yield* net.receive(own);
      if (!got.ok) return;
      if (got.value.length === 0) { yield* own.down(net.arrivals, Ops.semaphore.down); continue; }
      shared.arrivals.push(() => inet.act(() => { for (const frame of got.value) inet.stack.receive(face, frame); }));
      yield* raise(own, irq);
    }
  }, { priority: env.priority }));
}
