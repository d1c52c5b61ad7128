/** The bound ports of TCP and UDP. The rules of SO_REUSEADDR and SO_REUSEPORT are Linux's (inet_csk_bind_conflict, udp_lib_get_port). */
import { isAny, type Ip } from '../../../network/address.ts';
import { same } from '../../../network/bytes.ts';

export type Transport = 'tcp' | 'udp';

/** A bound socket: one end for each version of IP that it serves. */
export interface Holder {
  readonly transport: Transport;
  ends: readonly { readonly ip: Ip; readonly port: number }[];
  reuseAddress(): boolean;
  reusePort(): boolean;
  /** The user who made it: only sockets of one user share a port by SO_REUSEPORT. */
  readonly uid: number;
  isListening(): boolean;
}

const FIRST = 32_768, COUNT = 28_232;

export class Ports {
  private readonly holders = new Map<string, Set<Holder>>();
  private last = 0;

  private at(transport: Transport, port: number): Set<Holder> { return this.holders.get(`${transport}${port}`) ?? new Set(); }

  /** Takes the ends for `holder`; false if another socket has one of them. */
  take(holder: Holder, ends: Holder['ends']): boolean {
    if (ends.some((end) => this.isTaken(holder, end.ip, end.port))) return false;
    holder.ends = ends;
    for (const { port } of ends) {
      const key = `${holder.transport}${port}`, set = this.holders.get(key) ?? new Set();
      this.holders.set(key, set.add(holder));
    }
    return true;
  }

  leave(holder: Holder): void {
    for (const { port } of holder.ends) {
      const key = `${holder.transport}${port}`, set = this.holders.get(key);
      set?.delete(holder);
      if (set?.size === 0) this.holders.delete(key);
    }
    holder.ends = [];
  }

  isTaken(holder: Holder, ip: Ip, port: number): boolean {
    return [...this.at(holder.transport, port)].some((other) =>
      other !== holder && !mayShare(holder, other) && other.ends.some((end) => end.port === port && overlap(end.ip, ip)));
  }

  isUsed(transport: Transport, port: number): boolean { return this.holders.has(`${transport}${port}`); }

  /** A free port from the ephemeral range; 0 when there is none. */
  ephemeral(transport: Transport, isFree: (port: number) => boolean): number {
    for (let i = 0; i < COUNT; i++) {
      const port = FIRST + ((this.last++) % COUNT);
      if (!this.isUsed(transport, port) && isFree(port)) return port;
    }
    return 0;
  }
}

export const overlap = (a: Ip, b: Ip): boolean => a.length === b.length && (isAny(a) || isAny(b) || same(a, b));

function mayShare(first: Holder, second: Holder): boolean {
  if (first.reusePort() && second.reusePort() && first.uid === second.uid) return true;
  return first.reuseAddress() && second.reuseAddress() && (first.transport === 'udp' || (!first.isListening() && !second.isListening()));
}
