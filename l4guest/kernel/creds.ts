/** Credentials and limits of a process. */
import { Limit, LIMITS, type Cap } from '../abi/linux.ts';
import { allCaps, has, type CapSets } from './caps.ts';
import type { Key } from './keys.ts';
import { firstUsers, type UserSpace } from './spaces.ts';

export interface Creds {
  uid: number; euid: number; suid: number; fsuid: number;
  gid: number; egid: number; sgid: number; fsgid: number;
  groups: readonly number[];
  caps: CapSets;
  /** The user space in which the capabilities count. */
  users: UserSpace;
  /** Keyrings of the thread, of its process, of its session; and the keyring that request_key uses. */
  threadRing?: Key | undefined;
  processRing?: Key | undefined;
  sessionRing?: Key | undefined;
  defaultRing?: number;
}
export const rootCreds = (): Creds =>
  ({ uid: 0, euid: 0, suid: 0, fsuid: 0, gid: 0, egid: 0, sgid: 0, fsgid: 0, groups: [], caps: allCaps(), users: firstUsers });
export const copyCreds = (c: Creds): Creds => ({ ...c, caps: { ...c.caps } });
/** Whether the process has this capability in the first space. */
export const capable = (c: Creds, cap: Cap): boolean => c.users === firstUsers && has(c.caps, cap);
/** The same in the thread's own user space. */
export const capableHere = (c: Creds, cap: Cap): boolean => has(c.caps, cap);

/** The largest stack, whatever the limit. */
const MOST_STACK = 0xf00_0000;

/** Resource limits; Infinity = none. */
export class Limits {
  readonly soft: number[];
  readonly hard: number[];
  constructor(from?: Limits) {
    this.soft = from?.soft.slice() ?? new Array<number>(LIMITS).fill(Infinity);
    this.hard = from?.hard.slice() ?? new Array<number>(LIMITS).fill(Infinity);
    if (from) return;
    this.soft[Limit.STACK] = 8 << 20;
    this.soft[Limit.CORE] = 0;
    this.soft[Limit.NOFILE] = 1024; this.hard[Limit.NOFILE] = 1048576;
    this.soft[Limit.MEMLOCK] = this.hard[Limit.MEMLOCK] = 8 << 20;
    this.soft[Limit.NPROC] = this.hard[Limit.NPROC] = 32768;
    this.soft[Limit.SIGPENDING] = this.hard[Limit.SIGPENDING] = 4096;
    this.soft[Limit.MSGQUEUE] = this.hard[Limit.MSGQUEUE] = 819200;
    this.soft[Limit.NICE] = this.hard[Limit.NICE] = 0;
    this.soft[Limit.RTPRIO] = this.hard[Limit.RTPRIO] = 0;
  }
  /** The limits for an address space. */
  applyTo(mm: { stackLimit: number; dataLimit: number; spaceLimit: number }): void {
    mm.stackLimit = Math.min(this.soft[Limit.STACK]!, MOST_STACK);
    mm.dataLimit = this.soft[Limit.DATA]!;
    mm.spaceLimit = this.soft[Limit.AS]!;
  }
  get fileSize(): number { return this.soft[Limit.FSIZE]!; }
  get files(): number { return this.soft[Limit.NOFILE]!; }
}
