/** The numbers of processes, threads, groups and sessions, and their bearers. */
import { E } from '../abi/errno.ts';
import { FIRST_AGAIN, FirstIno, LAST_PID, PidNumbers, firstUsers } from './spaces.ts';
import { ProcessGroup, Session, type Process } from './process.ts';
import type { Thread } from './thread.ts';

export class PidSpace {
  readonly processes = new Map<number, Process>();
  readonly threads = new Map<number, Thread>();
  readonly groups = new Map<number, ProcessGroup>();
  readonly sessions = new Map<number, Session>();
  /** The space of numbers that the kernel itself counts in. */
  readonly first = new PidNumbers(FirstIno.PID, undefined, firstUsers);
  /** The innermost space of bearers with several numbers. */
  private readonly within = new Map<number, PidNumbers>();

  /** A free number. */
  next(): number {
    const { first } = this;
    do first.last = first.last >= LAST_PID ? FIRST_AGAIN : first.last + 1; while (this.isTaken(first.last));
    return first.last;
  }
  /**
   * A number in a space and in all above it; `wanted` names some, innermost first. Answers the kernel's own: -EEXIST where one is taken.
   */
  allot(space: PidNumbers, wanted: readonly number[] = []): number {
    if (!space.parent) return wanted[0] === undefined ? this.next() : this.isTaken(wanted[0]) ? -E.EXIST : wanted[0];
    const levels: PidNumbers[] = [];
    for (let s: PidNumbers = space; s.parent; s = s.parent) levels.push(s);
    if (levels.some((s, i) => wanted[i] !== undefined && s.isTaken(wanted[i]))) return -E.EXIST;
    const own = wanted[levels.length];
    if (own !== undefined && this.isTaken(own)) return -E.EXIST;
    const id = own ?? this.next();
    levels.forEach((s, i) => { s.give(id, wanted[i] ?? s.next()); });
    this.within.set(id, space);
    return id;
  }
  /** A thread, process, group or session has ended: frees its number when no other bears it. */
  gone(id: number): void {
    const space = this.within.get(id);
    if (!space || this.isTaken(id)) return;
    this.within.delete(id);
    for (let s: PidNumbers | undefined = space; s; s = s.parent) s.forget(id);
  }
  /** The process that number `n` of a space means: its own number, or that of one of its threads. */
  processOf(space: PidNumbers, n: number): Process | undefined { const id = space.id(n);
    return this.processes.get(id) ?? this.threads.get(id)?.proc; }
  threadOf(space: PidNumbers, n: number): Thread | undefined { return this.threads.get(space.id(n)); }
  isTaken(id: number): boolean { return this.threads.has(id) || this.processes.has(id) || this.groups.has(id) || this.sessions.has(id); }

  newSession(id: number): ProcessGroup {
    const s = new Session(id);
    this.sessions.set(id, s);
    return this.newGroup(id, s);
  }
  newGroup(id: number, s: Session): ProcessGroup {
    const g = new ProcessGroup(id, s);
    this.groups.set(id, g);
    return g;
  }
  /** Removes a process; its group and session end with their last member. */
  drop(p: Process): void {
    this.processes.delete(p.pid);
    this.gone(p.pid);
    const g = p.group;
    g.members.delete(p);
    if (g.members.size > 0) return;
    this.dropGroup(g);
  }
  /** Removes a group without members, and a session without groups. */
  dropGroup(g: ProcessGroup): void {
    this.groups.delete(g.id);
    this.gone(g.id);
    for (const other of this.groups.values()) if (other.session === g.session) return;
    this.sessions.delete(g.session.id);
    this.gone(g.session.id);
  }
}
