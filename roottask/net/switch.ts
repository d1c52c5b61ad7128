/**
 * A network switch as a task: every client is a port, and the card of the board is one more if the scenario gives it under 'uplink'.
 * It learns addresses from the frames it carries; a frame for an unknown address goes to all others.
 *
 * caps: uplink (optional, a net service). Provides 'net'. args: none.
 * State: addresses learnt, at most 1,024.
 */
import { NEVER, Ops, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import { macFromNumber, macToNumber, openNet, spawn, valueOf, type Env, type Net, type Program } from '../client/index.ts';
import { NetEnd, NetServer } from '../lib/net.ts';

const TABLE_MOST = 1024, GROUP_BIT = 2 ** 40;
/** 52:54:00:12:35:00 and following. */
const FIRST_MAC = 0x5254_0012_3500;
const destination = (frame: Uint8Array): number => macToNumber(frame.subarray(0, 6));
const source = (frame: Uint8Array): number => macToNumber(frame.subarray(6, 12));
const isGroup = (mac: number): boolean => Math.floor(mac / GROUP_BIT) % 2 === 1;

/** A port: a client, or the card. */
type Port = NetEnd | Net;

class Switch {
  private readonly net: NetServer;
  private readonly known = new Map<number, Port>();
  private uplink: Net | undefined;
  private clients = 0;

  constructor(env: Env) {
    this.net = new NetServer(env, 'net', {
      send: (sys, from, frames) => this.forward(sys, from, frames),
      accept: () => new NetEnd(macFromNumber(FIRST_MAC + this.clients++)),
      closed: end => this.forget(end),
    });
  }

  *run(sys: Syscalls, env: Env): Sys<void> {
    if (env.hasCap('uplink')) {
      const uplink = (this.uplink = valueOf(yield* openNet(sys, env, 'uplink')));
      valueOf(yield* spawn(sys, env, own => this.fromOutside(own, uplink), { name: 'uplink' }));
    }
    yield* this.net.server.run(sys);
  }

  private *fromOutside(sys: Syscalls, uplink: Net): Sys<void> {
    for (;;) {
      const frames = yield* uplink.receive(sys);
      if (!frames.ok) return;
      if (frames.value.length > 0) yield* this.forward(sys, uplink, frames.value);
      else yield* sys.down(uplink.arrivals, Ops.semaphore.down, NEVER, 1);
    }
  }

  private *forward(sys: Syscalls, from: Port, frames: readonly Uint8Array[]): Sys<void> {
    const batches = new Map<Port, Uint8Array[]>();
    for (const frame of frames) {
      this.learn(source(frame), from);
      for (const port of this.targets(destination(frame), from)) batches.set(port, [...(batches.get(port) ?? []), frame]);
    }
    for (const [port, batch] of batches) {
      if (port instanceof NetEnd) yield* this.net.feed(sys, port, batch);
      else yield* port.send(sys, batch);
    }
  }
  private targets(to: number, from: Port): Port[] {
    const there = isGroup(to) ? undefined : this.known.get(to);
    if (there) return there === from ? [] : [there];
    return [...this.net.ends, ...(this.uplink ? [this.uplink] : [])].filter(port => port !== from);
  }

  private learn(mac: number, port: Port): void {
    if (isGroup(mac)) return;
    this.known.delete(mac);
    this.known.set(mac, port);
    if (this.known.size > TABLE_MOST) this.known.delete(this.known.keys().next().value!);
  }
  private forget(port: Port): void {
    for (const [mac, at] of this.known) if (at === port) this.known.delete(mac);
  }
}

export const netSwitch: Program = {
  name: 'net-switch',
  *main(sys, env) { yield* new Switch(env).run(sys, env); },
};
