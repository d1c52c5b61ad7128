/** Selects the route of a packet: the longest prefix, among equals the smallest metric. */
import { inPrefix, isIp4, type Ip } from './address.ts';
import { same } from './bytes.ts';
import type { Interface } from './link/interface.ts';

export interface Route {
  readonly prefix: Ip;
  readonly bits: number;
  /** The router; undefined where the prefix is on the link. */
  readonly gateway?: Ip | undefined;
  readonly interface: Interface;
  readonly metric: number;
  /** The source address. */
  readonly source?: Ip | undefined;
  /** Who created it, as rtnetlink numbers it: 2 the kernel, 3 boot, 4 static, 9 router advertisements, 16 DHCP. */
  readonly origin: number;
}

const MOST = 1024;
const isSame = (a: Route, b: Route): boolean => a.bits === b.bits && a.metric === b.metric && same(a.prefix, b.prefix);

export class Routes {
  #all: Route[] = [];
  get all(): readonly Route[] { return this.#all; }

  /** Returns false when the same route exists, or there are too many. */
  add(route: Route): boolean {
    if (this.#all.length >= MOST || this.#all.some((other) => isSame(route, other))) return false;
    this.#all.push(route);
    this.#all.sort((a, b) => b.bits - a.bits || a.metric - b.metric);
    return true;
  }

  /** Removes the routes that satisfy `matches`; returns how many. */
  remove(matches: (route: Route) => boolean): number {
    const left = this.#all.filter((route) => !matches(route)), removed = this.#all.length - left.length;
    this.#all = left;
    return removed;
  }

  find(ip: Ip): Route | undefined {
    return this.#all.find((route) => isIp4(ip) === isIp4(route.prefix) && route.interface.up && inPrefix(ip, route.prefix, route.bits));
  }
}
