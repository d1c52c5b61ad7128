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
  /** The pid space in which the kernel itself counts. */
  readonly first = new PidNumbers(FirstIno.PID, undefined, firstUsers);
  /** The innermost space of processes and threads that have several numbers. */
  private readonly within = new Map<number, PidNumbers>();

  /** A free number. */
  next(): number {
    const { first } = this;
    do first.last = first.last >= LAST_PID ? FIRST_AGAIN : first.last + 1; while (this.isTaken(first.last));
    return first.last;
  }
  /**
   * Allots a number in a space and in all above it; `wanted` asks for some, innermost first. Returns the kernel's own number: -EEXIST if
   * one is taken.
   */
  allot(space: PidNumbers, wanted: readonly number[] = []): number {
    if (!space.parent) return wanted[0] === undefined ? this.next() : this.isTaken(wanted[0]) ? -E.EXIST : wanted[0];
    const levels: PidNumbers[] = [];
    for (let pidNumbers: PidNumbers = space; pidNumbers.parent; pidNumbers = pidNumbers.parent) levels.push(pidNumbers);
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
    for (let pidNumbers: PidNumbers | undefined = space; pidNumbers; pidNumbers = pidNumbers.parent) pidNumbers.forget(id);
  }
  /** The process that number `n` of a space names: by its own number, or that of one of its threads. */
  processOf(space: PidNumbers, n: number): Process | undefined {
    const id = space.id(n);
    return this.processes.get(id) ?? this.threads.get(id)?.proc;
  }
  threadOf(space: PidNumbers, n: number): Thread | undefined { return this.threads.get(space.id(n)); }
  isTaken(id: number): boolean { return this.threads.has(id) || this.processes.has(id) || this.groups.has(id) || this.sessions.has(id); }

  newSession(id: number): ProcessGroup {
    const session = new Session(id);
    this.sessions.set(id, session);
    return this.newGroup(id, session);
  }
  newGroup(id: number, session: Session): ProcessGroup {
    const processGroup = new ProcessGroup(id, session);
    this.groups.set(id, processGroup);
    return processGroup;
  }
  /** Removes a process; its group and session end with their last member. */
  drop(process: Process): void {
    this.processes.delete(process.pid);
    this.gone(process.pid);
    const processGroup = process.group;
    processGroup.members.delete(process);
    if (processGroup.members.size > 0) return;
    this.dropGroup(processGroup);
  }
  /** Removes a group without members, and a session without groups. */
  dropGroup(processGroup: ProcessGroup): void {
    this.groups.delete(processGroup.id);
    this.gone(processGroup.id);
    for (const other of this.groups.values()) if (other.session === processGroup.session) return;
    this.sessions.delete(processGroup.session.id);
    this.gone(processGroup.session.id);
  }
}
