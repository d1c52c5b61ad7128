/** The numbers that processes, threads, groups and sessions are known by, and who bears them. */
import { ProcessGroup, Session, type Process } from './process.ts';
import type { Thread } from './thread.ts';

const LAST = 4_194_303, FIRST_AGAIN = 300;

export class PidSpace {
  readonly processes = new Map<number, Process>();
  readonly threads = new Map<number, Thread>();
  readonly groups = new Map<number, ProcessGroup>();
  readonly sessions = new Map<number, Session>();
  private last = 0;

  /** A number that nobody bears. */
  next(): number {
    do this.last = this.last >= LAST ? FIRST_AGAIN : this.last + 1; while (this.isTaken(this.last));
    return this.last;
  }
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
  /** Forgets a process; its group and session go when they have no other member. */
  drop(p: Process): void {
    this.processes.delete(p.pid);
    const g = p.group;
    g.members.delete(p);
    if (g.members.size > 0) return;
    this.groups.delete(g.id);
    for (const other of this.groups.values()) if (other.session === g.session) return;
    this.sessions.delete(g.session.id);
  }
}
