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

function typeName(t: Thread, va: number): string {
  const name = getString(t.mm, va, 32);
  if (name === undefined || name === '') throw new CallError(E.INVAL);
  if (name.startsWith('.')) throw new CallError(E.PERM);
  return name;
}
function descriptionAt(t: Thread, va: number): string | undefined {
  if (va === 0) return undefined;
  const s = getString(t.mm, va, PAGE);
  if (s === undefined) throw new CallError(E.INVAL);
  return s === '' ? undefined : s;
}
/** What a new key may be done to: its possessor all that its type can, its user sees it. */
function firstRights(type: string): number {
  const rows = keyTypes.get(type)!,
    own = Right.VIEW | Right.SEARCH | Right.LINK | Right.SETATTR | (rows.reads ? Right.READ : 0) | (rows.updates || type === 'keyring'
    ? Right.WRITE : 0);
  return (own << POSSESSOR) | (Right.VIEW << USER);
}
function addKey(t: Thread, typeVa: number, descriptionVa: number, va: number, length: number, ringId: number): number {
  if (length < 0 || length > MOST_BYTES) return -E.INVAL;
  const type = typeName(t, typeVa), description = descriptionAt(t, descriptionVa), keys = keysOf(t.k);
  if (description?.startsWith('.') && type === 'keyring') return -E.PERM;
  const payload = length > 0 ? copyIn(t.mm, va, length) : new Uint8Array(0), ring = keys.find(t, ringId | 0, Right.WRITE, true).key,
    rules = keyTypes.get(type);
  if (!rules) return -E.NODEV;
  if (!ring.isRing) return -E.NOTDIR;
  const bad = description === undefined ? -E.INVAL : rules.check(description, payload);
  if (bad) return bad;
  const old = rules.updates ? [...ring.members].find((m) => m.type === type && m.description === description && !m.invalid && !m.revoked)
    : undefined;
  if (old) {
    if (!(old.rights(t.creds, true) & Right.WRITE)) return -E.ACCES;
    return replace(t, old, payload) || old.serial;
  }
  const key = keys.make(type, description!, t.creds, firstRights(type), payload);
  return keys.link(ring, key) || key.serial;
}
function replace(t: Thread, key: Key, payload: Uint8Array): number {
  t.k.frames.uncharge(key.cost);
  key.payload = payload;
  key.ends = Infinity;
  return t.k.frames.charge(key.cost) ? 0 : -E.NOMEM;
}
/** Looks for a key. There is no helper in user space that would make one. */
function requestKey(t: Thread, typeVa: number, descriptionVa: number, calloutVa: number, ringId: number): number {
  const type = typeName(t, typeVa), description = getString(t.mm, descriptionVa, PAGE), keys = keysOf(t.k);
  if (description === undefined) return -E.INVAL;
  if (calloutVa && getString(t.mm, calloutVa, PAGE) === undefined) return -E.INVAL;
  const ring = ringId | 0 ? keys.find(t, ringId | 0, Right.WRITE, true).key : undefined;
  if (!keyTypes.has(type)) return -E.NOKEY;
  const found = keys.search(t, type, description);
  if (found === -E.NOKEY && calloutVa) return missed(t, type, description, ring);
  if (typeof found === 'number') return found;
  return (ring && !ring.members.has(found) ? keys.link(ring, found) : 0) || found.serial;
}

/** A key that cannot be made is remembered for a minute. */
const MINUTE = 60e9;
function missed(t: Thread, type: string, description: string, ring: Key | undefined): number {
  const keys = keysOf(t.k), to = ring ?? keys.sessionOf(t);
  if (!(to.rights(t.creds, true) & Right.WRITE)) return -E.ACCES;
  const key = keys.make(type, description, t.creds, firstRights(type), new Uint8Array(0));
  key.negative = true;
  key.ends = t.k.clock.now() + MINUTE;
  keys.link(to, key);
  return -E.NOKEY;
}

// ── keyctl ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

type Op = (t: Thread, a: number, b: number, c: number, d: number) => number;
/** Answers how many bytes there are; fills the buffer where it has room for them. */
function tell(t: Thread, va: number, room: number, bytes: Uint8Array): number {
  if (va && room >= bytes.length) copyOut(t.mm, va, bytes);
  return bytes.length;
}
function join(t: Thread, nameVa: number): number {
  const name = nameVa ? getString(t.mm, nameVa, PAGE) : undefined;
  if (nameVa && name === undefined) return -E.INVAL;
  if (name?.startsWith('.')) return -E.PERM;
  return keysOf(t.k).join(t, name).serial;
}
function update(t: Thread, id: number, va: number, length: number): number {
  if (length < 0 || length > PAGE * 16) return -E.INVAL;
  const payload = length > 0 ? copyIn(t.mm, va, length) : new Uint8Array(0), { key } = keysOf(t.k).find(t, id, Right.WRITE),
    rules = keyTypes.get(key.type)!;
  if (!rules.updates) return -E.OPNOTSUPP;
  return rules.check(key.description, payload) || replace(t, key, payload);
}
function chown(t: Thread, id: number, uid: number, gid: number): number {
  if (uid === -1 && gid === -1) return 0;
  const { key } = keysOf(t.k).find(t, id, Right.SETATTR, true, true), c = t.creds;
  if (!capable(c, Cap.SYS_ADMIN) && ((uid !== -1 && uid >>> 0 !== key.uid) ||
    (gid !== -1 && gid >>> 0 !== key.gid && gid >>> 0 !== c.fsgid && !c.groups.includes(gid >>> 0)))) return -E.ACCES;
  if (uid !== -1) key.uid = uid >>> 0;
  if (gid !== -1) key.gid = gid >>> 0;
  return 0;
}
function setPerm(t: Thread, id: number, perm: number): number {
  if (perm & ~PERMS) return -E.INVAL;
  const { key } = keysOf(t.k).find(t, id, Right.SETATTR, true, true);
  if (key.uid !== t.creds.fsuid && !capable(t.creds, Cap.SYS_ADMIN)) return -E.ACCES;
  key.perm = perm;
  return 0;
}
function describe(t: Thread, id: number, va: number, room: number): number {
  const { key } = keysOf(t.k).find(t, id, Right.VIEW, false, true), gid = key.gid | 0;
  return tell(t, va, room, bytesOf(`${key.type};${key.uid};${gid};${(key.perm >>> 0).toString(16).padStart(8, '0')};${key.description}\0`));
}
function read(t: Thread, id: number, va: number, room: number): number {
  const keys = keysOf(t.k), { key, possessed } = keys.find(t, id, 0, false, true), bad = key.state(t.k.clock.now());
  // Whoever may search for a key that it possesses may read it.
  if (!(key.rights(t.creds, possessed) & Right.READ) && !possessed) return -E.ACCES;
  if (bad) return bad;
  if (!keyTypes.get(key.type)!.reads) return -E.OPNOTSUPP;
  return tell(t, va, room, key.isRing ? new Uint8Array(new Int32Array([...key.members].map((m) => m.serial)).buffer) : key.payload);
}
function search(t: Thread, ringId: number, typeVa: number, descriptionVa: number, destination: number): number {
  const type = typeName(t, typeVa), description = getString(t.mm, descriptionVa, PAGE), keys = keysOf(t.k);
  if (description === undefined) return -E.INVAL;
  const { key: ring, possessed } = keys.find(t, ringId, Right.SEARCH), into = destination
    ? keys.find(t, destination, Right.WRITE, true).key : undefined;
  if (!keyTypes.has(type)) return -E.NOKEY;
  if (!ring.isRing) return -E.NOTDIR;
  const found = keys.search(t, type, description, [ring], possessed);
  if (typeof found === 'number') return found === -E.NOKEY || found === -E.ACCES ? found : found;
  if (into && !(found.rights(t.creds, possessed) & Right.LINK)) return -E.ACCES;
  return (into ? keys.link(into, found) : 0) || found.serial;
}
function unlink(t: Thread, id: number, ringId: number): number {
  const keys = keysOf(t.k), ring = keys.find(t, ringId, Right.WRITE).key, { key } = keys.find(t, id, 0, false, true);
  if (!ring.isRing) return -E.NOTDIR;
  return ring.members.delete(key) ? 0 : -E.NOENT;
}
function move(t: Thread, id: number, fromId: number, toId: number, flags: number): number {
  if (flags & ~1) return -E.INVAL;
  const keys = keysOf(t.k), { key } = keys.find(t, id, Right.LINK, true), from = keys.find(t, fromId, Right.WRITE).key,
    to = keys.find(t, toId, Right.WRITE, true).key;
  if (!from.isRing || !to.isRing) return -E.NOTDIR;
  if (!from.members.has(key)) return -E.NOENT;
  if (from === to) return 0;
  if (flags & 1 && [...to.members].some((m) => m.type === key.type && m.description === key.description)) return -E.EXIST;
  const failed = keys.link(to, key);
  if (!failed) from.members.delete(key);
  return failed;
}
function setTimeout_(t: Thread, id: number, seconds: number): number {
  const { key } = keysOf(t.k).find(t, id, Right.SETATTR, true, true);
  key.ends = seconds === 0 ? Infinity : t.k.clock.now() + seconds * 1e9;
  return 0;
}
function revoke(t: Thread, id: number): number {
  const keys = keysOf(t.k), held = keys.find(t, id, 0), may = held.key.rights(t.creds, held.possessed);
  if (!(may & (Right.WRITE | Right.SETATTR))) return -E.ACCES;
  held.key.revoked = true;
  held.key.members.clear();
  return 0;
}
function invalidate(t: Thread, id: number): number {
  const { key } = keysOf(t.k).find(t, id, Right.SEARCH);
  key.invalid = true;
  return 0;
}
function clear(t: Thread, id: number): number {
  const { key } = keysOf(t.k).find(t, id, Right.WRITE, true);
  if (!key.isRing) return -E.NOTDIR;
  key.members.clear();
  return 0;
}
/** Where request_key puts what it makes: kept, and told. */
function defaultRing(t: Thread, which: number): number {
  if (which < -1 || which > 7) return -E.INVAL;
  const old = t.creds.defaultRing ?? 0;
  if (which !== -1) t.creds.defaultRing = which;
  return old;
}
const CAPABILITIES = Uint8Array.of(0x01 | 0x08 | 0x10 | 0x40, 0x00);
const ops: Readonly<Record<number, Op>> = {
  0: (t, id, make) => keysOf(t.k).find(t, id, Right.SEARCH, make !== 0).key.serial,
  1: (t, name) => join(t, name), 2: (t, id, va, n) => update(t, id, va, n), 3: (t, id) => revoke(t, id), 4: (t, id, uid, gid) =>
    chown(t, id, uid | 0, gid | 0),
  5: (t, id, perm) => setPerm(t, id, perm | 0), 6: describe, 7: (t, id) => clear(t, id),
  8: (t, id, ring) => { const keys = keysOf(t.k), to = keys.find(t, ring | 0, Right.WRITE, true).key;
    return keys.link(to, keys.find(t, id, Right.LINK, true).key); },
  9: (t, id, ring) => unlink(t, id, ring | 0), 10: (t, ring, type, description, into) => search(t, ring, type, description, into | 0),
    11: read,
  12: () => -E.PERM, 13: () => -E.PERM, 14: (t, which) => defaultRing(t, which), 15: (t, id, seconds) => setTimeout_(t, id, seconds >>> 0),
  16: (_t, id) => (id === 0 ? 0 : id < 0 ? -E.INVAL : -E.NOKEY),
  17: (t, id, va, room) => { keysOf(t.k).find(t, id, Right.VIEW, false, true); return tell(t, va, room, new Uint8Array(1)); },
  18: (t) => { const { parent } = t.proc; if (!parent?.leader || parent.threads.size > 1 || !t.creds.sessionRing) return -E.PERM;
    parent.leader.creds.sessionRing = t.creds.sessionRing; return 0; },
  19: () => -E.PERM, 20: () => -E.PERM, 21: (t, id) => invalidate(t, id),
  29: (t, id, type) => { const { key } = keysOf(t.k).find(t, id, Right.SETATTR); if (!key.isRing) return -E.NOTDIR;
    if (type) return -E.NOENT; if (key.restricted) return -E.EXIST; key.restricted = true; return 0; },
  30: (t, id, from, to, flags) => move(t, id, from | 0, to | 0, flags),
  31: (t, va, room) => { if (va) copyOut(t.mm, va, CAPABILITIES.subarray(0, Math.min(room, CAPABILITIES.length)));
    return CAPABILITIES.length; },
};
function keyctl(t: Thread, op: number, a: number, b: number, c: number, d: number): number {
  const call = ops[op | 0];
  return call ? call(t, a | 0, b, c, d) : -E.OPNOTSUPP;
}

export const keyCalls: Row[] = [
  row('add_key', addKey), row('request_key', requestKey, { note: 'no helper makes keys' }),
  row('keyctl', (t, op, a, b, c, d) => (op === 1 || op === 31 ? ops[op]!(t, a, b, c, d) : keyctl(t, op, a, b, c, d)),
    { note: 'no public keys, no Diffie-Hellman, no persistent keyrings' }),
];
