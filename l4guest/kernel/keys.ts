/**
 * Keys that the kernel stores for programs: small secrets with a type, a description, rights and an expiry time. A keyring is a key that
 * contains others; each thread has up to three (its own, its process's, its session's), each user two. A thread possesses a key that it can
 * reach through them.
 */
import { E } from '../abi/errno.ts';
import type { Creds } from './creds.ts';
import type { Kernel } from './kernel.ts';
import { CallError } from './failure.ts';
import type { Thread } from './thread.ts';

/** Rights, six bits for each of possessor, user, group and others. */
export const Right = { VIEW: 1, READ: 2, WRITE: 4, SEARCH: 8, LINK: 16, SETATTR: 32, ALL: 63 } as const;
export const POSSESSOR = 24, USER = 16, GROUP = 8;

/** Properties of a key type: the check of its payload, whether it is readable and updatable. */
interface KeyType { readonly reads: boolean; readonly updates: boolean; check(description: string, payload: Uint8Array): number }
const MOST_PAYLOAD = 32767;
const plain = (payload: Uint8Array): number => (payload.length < 1 || payload.length > MOST_PAYLOAD ? -E.INVAL : 0);
export const keyTypes: ReadonlyMap<string, KeyType> = new Map<string, KeyType>([
  ['keyring', { reads: true, updates: false, check: (_d, payload) => (payload.length > 0 ? -E.INVAL : 0) }],
  ['user', { reads: true, updates: true, check: (_d, payload) => plain(payload) }],
  ['logon', { reads: false, updates: true, check: (d, payload) => (d.indexOf(':') < 1 ? -E.INVAL : plain(payload)) }],
  ['big_key', { reads: true, updates: true, check: (_d, payload) => (payload.length < 1 || payload.length > 1 << 20 ? -E.INVAL : 0) }],
]);

/** Size of a key besides its payload and description, bytes, for the user's quota. */
const KEY_BYTES = 1;
/** Server memory of a key, bytes. */
const KEY_COST = 512;

/** The user and group that own what a thread makes. */
type FileIds = { readonly fsuid: number; readonly fsgid: number };

export class Key {
  readonly serial: number;
  readonly type: string;
  readonly description: string;
  uid: number;
  gid: number;
  perm: number;
  payload: Uint8Array;
  /** The members of a keyring, in order of arrival. */
  readonly members = new Set<Key>();
  revoked = false;
  /** A negative key: looking it up fails. */
  negative = false;
  invalid = false;
  /** Expiry time on the own clock; Infinity: never. */
  ends = Infinity;
  /** No more keys can be linked into this ring (KEYCTL_RESTRICT_KEYRING). */
  restricted = false;
  constructor(serial: number, type: string, description: string, creds: FileIds, perm: number, payload: Uint8Array) {
    this.serial = serial; this.type = type; this.description = description; this.perm = perm; this.payload = payload;
    this.uid = creds.fsuid; this.gid = creds.fsgid;
  }
  get isRing(): boolean { return this.type === 'keyring'; }
  get bytes(): number { return this.payload.length + this.description.length + KEY_BYTES; }
  get cost(): number { return KEY_COST + this.bytes; }
  /** 0, or the error that its use returns. */
  state(now: number): number {
    return this.invalid || this.negative ? -E.NOKEY : this.revoked ? -E.KEYREVOKED : now >= this.ends ? -E.KEYEXPIRED : 0;
  }
  rights(creds: Creds, possessed: boolean): number {
    const own = this.uid === creds.fsuid ? this.perm >>> USER
      : this.gid === creds.fsgid || creds.groups.includes(this.gid) ? this.perm >>> GROUP
      : this.perm;
    return (own | (possessed ? this.perm >>> POSSESSOR : 0)) & Right.ALL;
  }
}
/** A key, and whether the caller possesses it. */
export interface Held { readonly key: Key; readonly possessed: boolean }

export class Keys {
  readonly all = new Map<number, Key>();
  /** The two keyrings of each user. */
  private readonly users = new Map<number, { readonly own: Key; readonly session: Key }>();
  /** What each user's keys take of the quota. */
  private readonly taken = new Map<number, { keys: number; bytes: number }>();
  /** Keys there were after the last sweep. */
  private swept = 0;
  private readonly k: Kernel;
  private last = 0;
  constructor(k: Kernel) { this.k = k; }

  /** A random serial number, which does not reveal the number of keys. */
  private serial(): number {
    do this.last = 1 + ((this.last * 1103515245 + 12345) & 0x3fff_ffff); while (this.all.has(this.last) || this.last < 3);
    return this.last;
  }
  private fits(uid: number, keys: number, bytes: number): boolean {
    const root = uid === 0 ? 'root_' : '', { sysctl } = this.k, taken = this.taken.get(uid) ?? { keys: 0, bytes: 0 };
    return taken.keys + keys <= sysctl.number(`kernel/keys/${root}maxkeys`)
      && taken.bytes + bytes <= sysctl.number(`kernel/keys/${root}maxbytes`);
  }
  private count(uid: number, keys: number, bytes: number): void {
    const taken = this.taken.get(uid) ?? { keys: 0, bytes: 0 };
    if (taken.keys + keys === 0) this.taken.delete(uid);
    else this.taken.set(uid, { keys: taken.keys + keys, bytes: taken.bytes + bytes });
  }
  /** -EDQUOT, -ENOMEM. */
  make(type: string, description: string, creds: FileIds, perm: number, payload: Uint8Array, counts = true): Key {
    const bytes = payload.length + description.length + KEY_BYTES;
    if (this.all.size > 2 * this.swept + 64) this.sweep();
    if (counts && !this.fits(creds.fsuid, 1, bytes)) { this.sweep(); if (!this.fits(creds.fsuid, 1, bytes)) throw new CallError(E.DQUOT); }
    if (!this.k.frames.charge(KEY_COST + bytes)) throw new CallError(E.NOMEM);
    const key = new Key(this.serial(), type, description, creds, perm, payload);
    this.all.set(key.serial, key);
    this.count(key.uid, 1, bytes);
    return key;
  }
  /** A new payload; a negative key becomes a key by it. -EDQUOT, -ENOMEM. */
  replace(key: Key, payload: Uint8Array): number {
    const more = payload.length - key.payload.length;
    if (more > 0 && !this.fits(key.uid, 0, more)) return -E.DQUOT;
    if (more > 0 && !this.k.frames.charge(more)) return -E.NOMEM;
    if (more < 0) this.k.frames.uncharge(-more);
    this.count(key.uid, 0, more);
    key.payload = payload;
    key.ends = Infinity;
    key.negative = false;
    return 0;
  }
  /** -EDQUOT where the new owner has no room for it. */
  chown(key: Key, uid: number): number {
    if (uid === key.uid) return 0;
    if (!this.fits(uid, 1, key.bytes)) return -E.DQUOT;
    this.count(key.uid, -1, -key.bytes);
    this.count(uid, 1, key.bytes);
    key.uid = uid;
    return 0;
  }
  /** Drops keys that no keyring reaches. */
  sweep(): void {
    const seen = new Set<Key>(), now = this.k.clock.now(), mark = (top: Key | undefined): void => {
      const todo = top ? [top] : [];
      for (let x = todo.pop(); x; x = todo.pop()) {
        if (seen.has(x)) continue;
        seen.add(x);
        for (const member of x.members) {
          if (member.invalid || (member.state(now) && !member.isRing)) x.members.delete(member); else todo.push(member);
        }
      }
    };
    for (const thread of this.k.pids.threads.values()) {
      mark(thread.creds.threadRing);
      mark(thread.creds.processRing);
      mark(thread.creds.sessionRing);
    }
    for (const rings of this.users.values()) { mark(rings.own); mark(rings.session); }
    for (const key of this.all.values()) {
      if (seen.has(key)) continue;
      this.all.delete(key.serial);
      this.k.frames.uncharge(key.cost);
      this.count(key.uid, -1, -key.bytes);
    }
    this.swept = this.all.size;
  }
  userRings(uid: number): { readonly own: Key; readonly session: Key } {
    let rings = this.users.get(uid);
    if (rings) return rings;
    const who = { fsuid: uid, fsgid: 0xffff_ffff }, perm = ((Right.ALL & ~Right.SETATTR) << POSSESSOR) | (Right.ALL << USER),
      none = new Uint8Array(0);
    const own = this.make('keyring', `_uid.${uid}`, who, perm, none, false),
      session = this.make('keyring', `_uid_ses.${uid}`, who, perm, none, false);
    session.members.add(own);
    this.users.set(uid, rings = { own, session });
    return rings;
  }
  /** The session's keyring, or its substitute. */
  sessionOf(t: Thread): Key { return t.creds.sessionRing ?? this.userRings(t.creds.uid).session; }
  /** Joins a new session, or the one of this name. */
  join(thread: Thread, name: string | undefined): Key {
    const perm = (Right.ALL << POSSESSOR) | ((Right.VIEW | Right.READ) << USER), none = new Uint8Array(0);
    if (name !== undefined) {
      for (const key of this.all.values()) {
        if (!key.isRing || key.description !== name || key.state(this.k.clock.now())) continue;
        if (key.rights(thread.creds, false) & Right.SEARCH) return thread.creds.sessionRing = key;
      }
    }
    return thread.creds.sessionRing = this.make('keyring', name ?? '_ses', thread.creds,
      name === undefined ? perm : perm | (Right.LINK << USER),
      none);
  }

  // ── looking for keys ───────────────────────────────────────────────────────────────────────────────────────────────

  /** The keyrings where a thread's search begins. */
  private *own(thread: Thread): Generator<Key> {
    const creds = thread.creds;
    if (creds.threadRing) yield creds.threadRing;
    if (creds.processRing) yield creds.processRing;
    yield this.sessionOf(thread);
  }
  /** Keys beneath a keyring that may be searched, nearest first. */
  *beneath(thread: Thread, ring: Key, possessed: boolean): Generator<Key> {
    const seen = new Set<Key>([ring]), todo = [ring], now = this.k.clock.now();
    for (let x = todo.shift(); x; x = todo.shift()) {
      if (x.state(now) || !(x.rights(thread.creds, possessed) & Right.SEARCH)) continue;
      for (const key of x.members) { if (seen.has(key)) continue; seen.add(key); yield key; if (key.isRing) todo.push(key); }
    }
  }
  private possesses(thread: Thread, key: Key): boolean {
    for (const ring of this.own(thread)) {
      if (ring === key) return true;
      for (const member of this.beneath(thread, ring, true)) if (member === key) return true;
    }
    return false;
  }
  /** The key that a serial number or a special number (−1 … −5) names, with the right `right`; `make`: makes a missing keyring. */
  find(thread: Thread, id: number, right: number, make = false, partial = false): Held {
    const held = id < 0 ? { key: this.special(thread, id, make), possessed: true } : this.bySerial(thread, id);
    const bad = partial ? 0 : held.key.state(this.k.clock.now());
    if (bad) throw new CallError(-bad);
    if ((held.key.rights(thread.creds, held.possessed) & right) !== right) throw new CallError(E.ACCES);
    return held;
  }
  private bySerial(thread: Thread, id: number): Held {
    const key = this.all.get(id);
    if (!key || key.invalid) throw new CallError(id === 0 ? E.INVAL : E.NOKEY);
    return { key, possessed: this.possesses(thread, key) };
  }
  private special(thread: Thread, id: number, make: boolean): Key {
    const creds = thread.creds, perm = (Right.ALL << POSSESSOR) | (Right.VIEW << USER), fresh = (name: string): Key => {
      if (!make) throw new CallError(E.NOKEY);
      return this.make('keyring', name, creds, perm, new Uint8Array(0));
    };
    switch (id) {
      case -1: return creds.threadRing ??= fresh('_tid');
      case -2: return creds.processRing ??= fresh('_pid');
      case -3: return creds.sessionRing ?? (make ? this.join(thread, undefined) : this.userRings(creds.uid).session);
      case -4: return this.userRings(creds.uid).own;
      case -5: return this.userRings(creds.uid).session;
      case -7: case -8: throw new CallError(E.NOKEY);
      default: throw new CallError(E.INVAL);
    }
  }
  /** The key of a type and description in the caller's keyrings; otherwise the error of the best match, 0 if there is none. */
  search(thread: Thread, type: string, description: string, rings: Iterable<Key> = this.own(thread), possessed = true): Key | number {
    const now = this.k.clock.now();
    let why = 0;
    for (const ring of rings) {
      for (const key of this.beneath(thread, ring, possessed)) {
        if (key.type !== type || key.description !== description || key.invalid || (key.negative && now >= key.ends)) continue;
        const bad = key.state(now) || (key.rights(thread.creds, possessed) & Right.SEARCH ? 0 : -E.ACCES);
        if (!bad) return key;
        why = bad;
      }
    }
    return why;
  }
  /** Puts a key into a ring and replaces one of the same type and description: -EDEADLK if the ring would contain itself. */
  link(ring: Key, key: Key): number {
    if (!ring.isRing) return -E.NOTDIR;
    if (ring.restricted) return -E.PERM;
    if (key.isRing && (key === ring || reaches(key, ring))) return -E.DEADLK;
    for (const member of ring.members)
      if (member.type === key.type && member.description === key.description) ring.members.delete(member);
    ring.members.add(key);
    return 0;
  }
}
function reaches(from: Key, to: Key): boolean {
  const seen = new Set<Key>(), todo = [from];
  for (let x = todo.pop(); x; x = todo.pop()) for (const key of x.members) {
    if (key === to) return true;
    if (key.isRing && !seen.has(key)) { seen.add(key); todo.push(key); }
  }
  return false;
}
const keys = new WeakMap<Kernel, Keys>();
export function keysOf(k: Kernel): Keys { let x = keys.get(k); if (!x) keys.set(k, x = new Keys(k)); return x; }
/** Lines of /proc/keys: those that the reader may view. */
export function keyLines(thread: Thread): string {
  const all = keysOf(thread.k), now = thread.k.clock.now();
  all.sweep();
  return [...all.all.values()].sort((a, b) => a.serial - b.serial).filter((x) => x.rights(thread.creds, true) & Right.VIEW).map((x) => {
    const left = x.ends === Infinity ? 'perm' : now >= x.ends ? 'expd' : `${Math.ceil((x.ends - now) / 1e9)}s`,
      hex = (n: number): string => (n >>> 0).toString(16).padStart(8, '0');
    const flags = `I${x.revoked ? 'R' : '-'}-${'Q'}--${x.invalid ? 'i' : '-'}`, gid = x.gid === 0xffff_ffff ? -1 : x.gid;
    const rest = x.isRing ? `${x.description}: ${x.members.size || 'empty'}` : `${x.description}: ${x.payload.length}`;
    return `${hex(x.serial)} ${flags} ${String(1).padStart(5)} ${left.padStart(4)} ${hex(x.perm)} ${String(x.uid).padStart(5)} ${String(
      gid).padStart(5)} ${x.type.padEnd(9)} ${rest}\n`;
  }).join('');
}
