/** Long work in slices: named generators that take turns between keys. Each step of a generator should take a millisecond or two. */
export type Job = Generator<void, void>;

export class Jobs {
  /** The name of the job with priority. */
  first = '';
  private readonly running = new Map<string, Job>();

  /** Starts a job; one with the same name is dropped. */
  start(name: string, job: Job): void { this.running.delete(name); this.running.set(name, job); }
  stop(name: string): void { this.running.delete(name); }
  has(name: string): boolean { return this.running.has(name); }
  get busy(): boolean { return this.running.size > 0; }

  private turns(): [string, Job][] {
    const first = this.running.get(this.first);
    return first ? [[this.first, first]] : [...this.running];
  }

  /** Works for about `milliseconds`, round robin over the jobs. */
  work(milliseconds: number): void {
    const end = performance.now() + milliseconds;
    while (this.running.size > 0) for (const [name, job] of this.turns()) {
      if (this.running.get(name) === job && job.next().done && this.running.get(name) === job) this.running.delete(name);
      if (performance.now() >= end) return;
    }
  }
}
