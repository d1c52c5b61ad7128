/**
 * Name spaces of users and of process numbers. The kernel itself uses the numbers of the first space of each kind: user ids of inodes and
 * credentials, numbers of processes. A user space maps its own ids to the kernel's; a pid space gives each of its processes a second
 * number.
 */
import { Clone, type Cap } from '../abi/linux.ts';
import { has, type CapSets } from './caps.ts';
import type { Process } from './process.ts';

/** A name space as in /proc/PID/ns, with its own inode number. */
export interface Space {
  /** The CLONE_NEW… bit. */
  readonly kind: number;
  readonly ino: number;
  /** The user space whose administrators may change it. */
  readonly owner: UserSpace;
}
/** Inode numbers of the first spaces, as Linux numbers them. */
export const FirstIno = { TIME: 4026531834, CGROUP: 4026531835, PID: 4026531836, USER: 4026531837, UTS: 4026531838, IPC: 4026531839,
  NET: 4026531840, MNT: 4026531841 } as const;
/** The deepest nesting of name spaces. */
export const MOST_LEVELS = 32;

// ── users ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `count` ids from `inner` on are the ids from `outer` on. Both ends are in the kernel's numbering. */
export interface IdRange { readonly inner: number; readonly outer: number; readonly count: number }
const EVERYBODY: readonly IdRange[] = [{ inner: 0, outer: 0, count: 0xffff_ffff }];
/** The number shown for an id that a space does not map. */
export const OVERFLOW_ID = 65534;

/** Server memory of a user space, and of a range of its maps, bytes. */
const SPACE_COST = 512;
export const RANGE_COST = 64;

export class UserSpace implements Space {
  readonly kind = Clone.NEWUSER;
  readonly ino: number;
  readonly parent: UserSpace | undefined;
  readonly level: number;
  /** The creator has all rights in the name space, even from outside. */
  readonly maker: { readonly uid: number; readonly gid: number };
  /** The map from its ids to the kernel's; undefined until it is written. */
  users: readonly IdRange[] | undefined;
  groups: readonly IdRange[] | undefined;
  mayDropGroups: boolean;
  constructor(ino: number, parent: UserSpace | undefined, maker: { readonly uid: number; readonly gid: number }) {
    this.ino = ino; this.parent = parent; this.maker = maker;
    this.level = parent ? parent.level + 1 : 0;
    this.mayDropGroups = parent?.mayDropGroups ?? true;
    if (!parent) this.users = this.groups = EVERYBODY;
  }
  get owner(): UserSpace { return this.parent ?? this; }
  /** Bytes that it holds, with the spaces that contain it; nobody pays for the first. */
  get weight(): number {
    return this.parent ? SPACE_COST + RANGE_COST * ((this.users?.length ?? 0) + (this.groups?.length ?? 0)) + this.parent.weight : 0;
  }
}
/** The first user space: its ids are the kernel's own. */
export const firstUsers = new UserSpace(FirstIno.USER, undefined, { uid: 0, gid: 0 });

/** The kernel's id for an id of a space; -1 if there is none. */
export function idOf(map: readonly IdRange[] | undefined, inner: number): number {
  if (map === EVERYBODY) return inner;
  const idRange = map?.find((x) => inner >= x.inner && inner < x.inner + x.count);
  return idRange ? idRange.outer + (inner - idRange.inner) : -1;
}
/** A space's number for an id of the kernel; -1 for an unmapped one. */
export function nameOfId(map: readonly IdRange[] | undefined, id: number): number {
  if (map === EVERYBODY) return id;
  const idRange = map?.find((x) => id >= x.outer && id < x.outer + x.count);
  return idRange ? idRange.inner + (id - idRange.outer) : -1;
}
/** The same for display: OVERFLOW_ID for an unmapped one. */
export function shownId(map: readonly IdRange[] | undefined, id: number): number {
  if (map === EVERYBODY) return id;
  const n = nameOfId(map, id);
  return n < 0 ? OVERFLOW_ID : n;
}

interface Subject { readonly euid: number; readonly caps: CapSets; readonly users: UserSpace }
/** Whether credentials have a right in a space: by their own set inside it, or as the creator of a space within their own. */
export function capableIn(subject: Subject, space: UserSpace, cap: Cap): boolean {
  for (let userSpace = space; ; userSpace = userSpace.parent) {
    if (userSpace === subject.users) return has(subject.caps, cap);
    if (userSpace.level <= subject.users.level || !userSpace.parent) return false;
    if (userSpace.parent === subject.users && userSpace.maker.uid === subject.euid) return true;
  }
}

// ── numbers of processes ─────────────────────────────────────────────────────────────────────────────────────────────────

export const LAST_PID = 4_194_303, FIRST_AGAIN = 300;

export class PidNumbers implements Space {
  readonly kind = Clone.NEWPID;
  readonly ino: number;
  readonly parent: PidNumbers | undefined;
  readonly level: number;
  readonly owner: UserSpace;
  /** Process 1 of the space, once it exists: it adopts orphans, and its end ends the space. */
  reaper: Process | undefined;
  ended = false;
  last = 0;
  private readonly byId = new Map<number, number>();
  private readonly ids = new Map<number, number>();
  constructor(ino: number, parent: PidNumbers | undefined, owner: UserSpace) {
    this.ino = ino; this.parent = parent; this.owner = owner;
    this.level = parent ? parent.level + 1 : 0;
  }
  /** The number here for the kernel's `id`; 0 if it is invisible. */
  of(id: number): number { return this.parent ? this.byId.get(id) ?? 0 : id; }
  /** The kernel's number for `n`; -1 for a free one. */
  id(n: number): number { return this.parent ? this.ids.get(n) ?? -1 : n; }
  /** A free number. The first space does not use this. */
  next(): number {
    do this.last = this.last >= LAST_PID ? FIRST_AGAIN : this.last + 1; while (this.ids.has(this.last));
    return this.last;
  }
  isTaken(n: number): boolean { return this.ids.has(n); }
  give(id: number, n: number): void { this.byId.set(id, n); this.ids.set(n, id); }
  forget(id: number): void {
    const n = this.byId.get(id);
    if (n === undefined) return;
    this.byId.delete(id);
    this.ids.delete(n);
  }
  /** Whether `other` is this space or lies in it. */
  contains(other: PidNumbers): boolean {
    for (let pidNumbers: PidNumbers | undefined = other; pidNumbers; pidNumbers = pidNumbers.parent) if (pidNumbers === this) return true;
    return false;
  }
}
