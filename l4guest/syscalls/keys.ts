/** add_key, request_key and keyctl. */
import { E } from '../abi/errno.ts';
import { Cap } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import { CallError } from '../kernel/failure.ts';
import { POSSESSOR, Right, USER, keyTypes, keysOf, type Key } from '../kernel/keys.ts';
import type { Thread } from '../kernel/thread.ts';
import { bytesOf, copyIn, copyOut, getString } from '../mm/uaccess.ts';
import { row, type Row } from './row.ts';

const MOST_BYTES = 1024 * 1024 - 1, PERMS = 0x3f3f3f3f, PAGE = 4096;

function typeName(thread: Thread, va: number): string {
  const name = getString(thread.mm, va, 32);
  if (name === undefined || name === '') throw new CallError(E.INVAL);
  if (name.startsWith('.')) throw new CallError(E.PERM);
  return name;
}
function descriptionAt(thread: Thread, va: number): string | undefined {
  if (va === 0) return undefined;
  const text = getString(thread.mm, va, PAGE);
  if (text === undefined) throw new CallError(E.INVAL);
  return text === '' ? undefined : text;
}
/** The rights to a new key: its possessor may do all that its type allows, its user may see it. */
function firstRights(type: string): number {
  const rows = keyTypes.get(type)!,
    own = Right.VIEW | Right.SEARCH | Right.LINK | Right.SETATTR | (rows.reads ? Right.READ : 0) | (rows.updates || type === 'keyring'
    ? Right.WRITE : 0);
  return (own << POSSESSOR) | (Right.VIEW << USER);
}
function addKey(thread: Thread, typeVa: number, descriptionVa: number, va: number, length: number, ringId: number): number {
  if (length < 0 || length > MOST_BYTES) return -E.INVAL;
  const type = typeName(thread, typeVa), description = descriptionAt(thread, descriptionVa), keys = keysOf(thread.k);
  if (description?.startsWith('.') && type === 'keyring') return -E.PERM;
  const payload = length > 0 ? copyIn(thread.mm, va, length) : new Uint8Array(0),
    ring = keys.find(thread, ringId | 0, Right.WRITE, true).key,
    rules = keyTypes.get(type);
  if (!rules) return -E.NODEV;
  if (!ring.isRing) return -E.NOTDIR;
  const bad = description === undefined ? -E.INVAL : rules.check(description, payload);
  if (bad) return bad;
  const old = rules.updates ? [...ring.members].find((m) => m.type === type && m.description === description && !m.invalid && !m.revoked)
    : undefined;
  if (old) {
    if (!(old.rights(thread.creds, true) & Right.WRITE)) return -E.ACCES;
    return keys.replace(old, payload) || old.serial;
  }
  const key = keys.make(type, description!, thread.creds, firstRights(type), payload);
  return keys.link(ring, key) || key.serial;
}
/** Looks for a key. No helper in user space could make a missing one. */
function requestKey(thread: Thread, typeVa: number, descriptionVa: number, calloutVa: number, ringId: number): number {
  const type = typeName(thread, typeVa), description = getString(thread.mm, descriptionVa, PAGE), keys = keysOf(thread.k);
  if (description === undefined) return -E.INVAL;
  if (calloutVa && getString(thread.mm, calloutVa, PAGE) === undefined) return -E.INVAL;
  const ring = ringId | 0 ? keys.find(thread, ringId | 0, Right.WRITE, true).key : undefined;
  if (!keyTypes.has(type)) return -E.NOKEY;
  const found = keys.search(thread, type, description);
  if (found === 0) return calloutVa ? missed(thread, type, description, ring) : -E.NOKEY;
  if (typeof found === 'number') return found;
  return (ring && !ring.members.has(found) ? keys.link(ring, found) : 0) || found.serial;
}

/** For how long a request remembers that no key could be made. */
const MINUTE = 60e9;
function missed(thread: Thread, type: string, description: string, ring: Key | undefined): number {
  const keys = keysOf(thread.k), to = ring ?? keys.sessionOf(thread);
  if (!(to.rights(thread.creds, true) & Right.WRITE)) return -E.ACCES;
  const key = keys.make(type, description, thread.creds, firstRights(type), new Uint8Array(0));
  key.negative = true;
  key.ends = thread.k.clock.now() + MINUTE;
  keys.link(to, key);
  return -E.NOKEY;
}

// ── keyctl ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

type Op = (t: Thread, a: number, b: number, c: number, d: number) => number;
/** Returns the length of the data; fills the buffer if the data fits. */
function tell(thread: Thread, va: number, room: number, bytes: Uint8Array): number {
  if (va && room >= bytes.length) copyOut(thread.mm, va, bytes);
  return bytes.length;
}
function join(thread: Thread, nameVa: number): number {
  const name = nameVa ? getString(thread.mm, nameVa, PAGE) : undefined;
  if (nameVa && name === undefined) return -E.INVAL;
  if (name?.startsWith('.')) return -E.PERM;
  return keysOf(thread.k).join(thread, name).serial;
}
function update(thread: Thread, id: number, va: number, length: number): number {
  if (length < 0 || length > PAGE * 16) return -E.INVAL;
  const payload = length > 0 ? copyIn(thread.mm, va, length) : new Uint8Array(0), { key } = keysOf(thread.k).find(thread, id, Right.WRITE),
    rules = keyTypes.get(key.type)!;
  if (!rules.updates) return -E.OPNOTSUPP;
  return rules.check(key.description, payload) || keysOf(thread.k).replace(key, payload);
}
function chown(thread: Thread, id: number, uid: number, gid: number): number {
  if (uid === -1 && gid === -1) return 0;
  const { key } = keysOf(thread.k).find(thread, id, Right.SETATTR, true, true), creds = thread.creds;
  if (!capable(creds, Cap.SYS_ADMIN) && ((uid !== -1 && uid >>> 0 !== key.uid) ||
    (gid !== -1 && gid >>> 0 !== key.gid && gid >>> 0 !== creds.fsgid && !creds.groups.includes(gid >>> 0)))) return -E.ACCES;
  const failed = uid === -1 ? 0 : keysOf(thread.k).chown(key, uid >>> 0);
  if (failed) return failed;
  if (gid !== -1) key.gid = gid >>> 0;
  return 0;
}
function setPerm(thread: Thread, id: number, perm: number): number {
  if (perm & ~PERMS) return -E.INVAL;
  const { key } = keysOf(thread.k).find(thread, id, Right.SETATTR, true, true);
  if (key.uid !== thread.creds.fsuid && !capable(thread.creds, Cap.SYS_ADMIN)) return -E.ACCES;
  key.perm = perm;
  return 0;
}
function describe(thread: Thread, id: number, va: number, room: number): number {
  const { key } = keysOf(thread.k).find(thread, id, Right.VIEW, false, true), gid = key.gid | 0;
  return tell(thread, va, room, bytesOf(`${key.type};${key.uid};${gid};${(key.perm >>> 0).toString(16).padStart(8,
    '0')};${key.description}\0`));
}
function read(thread: Thread, id: number, va: number, room: number): number {
  const keys = keysOf(thread.k), { key, possessed } = keys.find(thread, id, 0, false, true), bad = key.state(thread.k.clock.now());
  // A caller may read a key that it possesses and may search for.
  if (!(key.rights(thread.creds, possessed) & Right.READ) && !possessed) return -E.ACCES;
  if (bad) return bad;
  if (!keyTypes.get(key.type)!.reads) return -E.OPNOTSUPP;
  return tell(thread, va, room, key.isRing ? new Uint8Array(new Int32Array([...key.members].map((m) => m.serial)).buffer) : key.payload);
}
function search(thread: Thread, ringId: number, typeVa: number, descriptionVa: number, destination: number): number {
  const type = typeName(thread, typeVa), description = getString(thread.mm, descriptionVa, PAGE), keys = keysOf(thread.k);
  if (description === undefined) return -E.INVAL;
  const { key: ring, possessed } = keys.find(thread, ringId, Right.SEARCH), into = destination
    ? keys.find(thread, destination, Right.WRITE, true).key : undefined;
  if (!keyTypes.has(type)) return -E.NOKEY;
  if (!ring.isRing) return -E.NOTDIR;
  const found = keys.search(thread, type, description, [ring], possessed);
  if (typeof found === 'number') return found || -E.NOKEY;
  if (into && !(found.rights(thread.creds, possessed) & Right.LINK)) return -E.ACCES;
  return (into ? keys.link(into, found) : 0) || found.serial;
}
function unlink(thread: Thread, id: number, ringId: number): number {
  const keys = keysOf(thread.k), ring = keys.find(thread, ringId, Right.WRITE).key, { key } = keys.find(thread, id, 0, false, true);
  if (!ring.isRing) return -E.NOTDIR;
  return ring.members.delete(key) ? 0 : -E.NOENT;
}
function move(thread: Thread, id: number, fromId: number, toId: number, flags: number): number {
  if (flags & ~1) return -E.INVAL;
  const keys = keysOf(thread.k), { key } = keys.find(thread, id, Right.LINK, true), from = keys.find(thread, fromId, Right.WRITE).key,
    to = keys.find(thread, toId, Right.WRITE, true).key;
  if (!from.isRing || !to.isRing) return -E.NOTDIR;
  if (!from.members.has(key)) return -E.NOENT;
  if (from === to) return 0;
  if (flags & 1 && [...to.members].some((m) => m.type === key.type && m.description === key.description)) return -E.EXIST;
  const failed = keys.link(to, key);
  if (!failed) from.members.delete(key);
  return failed;
}
function setTimeout_(thread: Thread, id: number, seconds: number): number {
  const { key } = keysOf(thread.k).find(thread, id, Right.SETATTR, true, true);
  key.ends = seconds === 0 ? Infinity : thread.k.clock.now() + seconds * 1e9;
  return 0;
}
function revoke(thread: Thread, id: number): number {
  const keys = keysOf(thread.k), held = keys.find(thread, id, 0), may = held.key.rights(thread.creds, held.possessed);
  if (!(may & (Right.WRITE | Right.SETATTR))) return -E.ACCES;
  held.key.revoked = true;
  held.key.members.clear();
  return 0;
}
function invalidate(thread: Thread, id: number): number {
  const { key } = keysOf(thread.k).find(thread, id, Right.SEARCH);
  key.invalid = true;
  return 0;
}
function clear(thread: Thread, id: number): number {
  const { key } = keysOf(thread.k).find(thread, id, Right.WRITE, true);
  if (!key.isRing) return -E.NOTDIR;
  key.members.clear();
  return 0;
}
/** The keyring that request_key puts new keys into: kept and reported. */
function defaultRing(thread: Thread, which: number): number {
  if (which < -1 || which > 7) return -E.INVAL;
  const old = thread.creds.defaultRing ?? 0;
  if (which !== -1) thread.creds.defaultRing = which;
  return old;
}
const CAPABILITIES = Uint8Array.of(0x01 | 0x08 | 0x10 | 0x40, 0x00);
const ops: Readonly<Record<number, Op>> = {
  0: (t, id, make) => keysOf(t.k).find(t, id, Right.SEARCH, make !== 0).key.serial,
  1: (t, name) => join(t, name), 2: (t, id, va, n) => update(t, id, va, n), 3: (t, id) => revoke(t, id), 4: (t, id, uid, gid) =>
    chown(t, id, uid | 0, gid | 0),
  5: (t, id, perm) => setPerm(t, id, perm | 0), 6: describe, 7: (t, id) => clear(t, id),
  8: (thread, id, ring) => {
    const keys = keysOf(thread.k), to = keys.find(thread, ring | 0, Right.WRITE, true).key;
    return keys.link(to, keys.find(thread, id, Right.LINK, true).key);
  },
  9: (t, id, ring) => unlink(t, id, ring | 0), 10: (t, ring, type, description, into) => search(t, ring, type, description, into | 0),
    11: read,
  12: () => -E.PERM, 13: () => -E.PERM, 14: (t, which) => defaultRing(t, which), 15: (t, id, seconds) => setTimeout_(t, id, seconds >>> 0),
  16: (_t, id) => (id === 0 ? 0 : id < 0 ? -E.INVAL : -E.NOKEY),
  17: (t, id, va, room) => { keysOf(t.k).find(t, id, Right.VIEW, false, true); return tell(t, va, room, new Uint8Array(1)); },
  18: (thread) => {
    const { parent } = thread.proc;
    if (!parent?.leader || parent.threads.size > 1 || !thread.creds.sessionRing) return -E.PERM;
    parent.leader.creds.sessionRing = thread.creds.sessionRing;
    return 0;
  },
  19: () => -E.PERM, 20: () => -E.PERM, 21: (t, id) => invalidate(t, id),
  29: (thread, id, type) => {
    const { key } = keysOf(thread.k).find(thread, id, Right.SETATTR);
    if (!key.isRing) return -E.NOTDIR;
    if (type) return -E.NOENT;
    if (key.restricted) return -E.EXIST;
    key.restricted = true;
    return 0;
  },
  30: (t, id, from, to, flags) => move(t, id, from | 0, to | 0, flags),
  31: (thread, va, room) => {
    if (va) copyOut(thread.mm, va, CAPABILITIES.subarray(0, Math.min(room, CAPABILITIES.length)));
    return CAPABILITIES.length;
  },
};
function keyctl(thread: Thread, op: number, arg2: number, arg3: number, arg4: number, arg5: number): number {
  const call = ops[op | 0];
  return call ? call(thread, arg2 | 0, arg3, arg4, arg5) : -E.OPNOTSUPP;
}

export const keyCalls: Row[] = [
  row('add_key', addKey), row('request_key', requestKey, { note: 'no helper makes keys' }),
  row('keyctl', (t, op, a, b, c, d) => (op === 1 || op === 31 ? ops[op]!(t, a, b, c, d) : keyctl(t, op, a, b, c, d)),
    { note: 'no public keys, no Diffie-Hellman, no persistent keyrings' }),
];
