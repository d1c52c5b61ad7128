/**
 * The Internet of one kernel: a stack of `network/` with the loopback, and the bound ports. Every call into the stack goes through `act`,
 * which delivers packets of the host to itself and sets the kernel's timer for the stack's next deadline.
 */
import type { Ip } from '../../../network/address.ts';
import type { Interface } from '../../../network/link/interface.ts';
import { Stack, type SendError } from '../../../network/stack.ts';
import type { TcpError } from '../../../network/tcp/connection.ts';
import { E } from '../../abi/errno.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Timer } from '../../kernel/timers.ts';
import { Af, inetAddress, isMapped, type Address } from '../address.ts';
import { Ports } from './ports.ts';

const NS_PER_US = 1000;

export class Inet {
  readonly stack: Stack;
  readonly ports = new Ports();
  private readonly k: Kernel;
  private timer: Timer | undefined;

  constructor(k: Kernel) {
    this.k = k;
    this.stack = new Stack({
      now: () => Math.floor(k.clock.now() / NS_PER_US), random: () => k.random.next(), sent: (packets) => k.work.sent(packets),
      budget: { take: (n) => k.frames.charge(n), give: (n) => k.frames.uncharge(n) }
    });
    this.stack.addLoopback();
  }

  act<T>(action: () => T): T {
    try { return action(); } finally { this.settle(); }
  }

  /** Brings an interface up or down. */
  setUp(iface: Interface, up: boolean): void {
    if (iface.up === up) return;
    iface.up = up;
    if (!up) iface.neighbours?.forget();
  }

  private settle(): void {
    this.stack.flush();
    const at = this.stack.next * NS_PER_US;
    if (at === (this.timer?.fire ? this.timer.at : Infinity)) return;
    this.k.timers.cancel(this.timer);
    this.timer = at === Infinity ? undefined : this.k.timers.add(at, () => this.act(() => this.stack.run()));
    if (this.timer) this.k.cpu.rearm();
  }
}

const inets = new WeakMap<Kernel, Inet>();
export function inetOf(k: Kernel): Inet {
  let inet = inets.get(k);
  if (!inet) inets.set(k, inet = new Inet(k));
  return inet;
}

/** The address as the stack knows it: ::ffff:a.b.c.d is IPv4. */
export const stackIp = (ip: Uint8Array): Ip => (isMapped(ip) ? ip.subarray(12) : ip);

/** An address of the stack in the form of a socket's family. */
export function socketAddress(family: number, ip: Ip, port: number): Address {
  if (family === Af.INET || ip.length === 16) return inetAddress(family, ip, port);
  const mapped = new Uint8Array(16);
  mapped.set([0xff, 0xff], 10);
  mapped.set(ip, 12);
  return inetAddress(family, mapped, port);
}

const ERRNO: Readonly<Record<TcpError | SendError, number>> = {
  reset: E.CONNRESET, pipe: E.PIPE, refused: E.CONNREFUSED, timeout: E.TIMEDOUT, network: E.NETUNREACH, host: E.HOSTUNREACH,
  aborted: E.CONNABORTED, tooBig: E.MSGSIZE,
};
export const errnoOf = (error: TcpError | SendError): number => ERRNO[error];
