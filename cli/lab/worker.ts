/**
 * A grader's process, seen from `tessera lab grade`. It grades some submissions and is then replaced. Where it came to grief with one of
 * them, that one is
 * graded again alone in a process of its own: what a submission does to its grader is nobody else's loss.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { projectRoot } from '../images/where.ts';
import type { Answer, Task } from './serve.ts';

/** Seconds on the wall after which a grader is ended: far beyond what its own bounds let pass. */
const PATIENCE = 300;
/** A process grades so many submissions and no more, and none after it has taken so much memory. */
const MOST_TASKS = 50, MOST_BYTES = 512 << 20, MOST_LINE = 4 << 20;

export class Worker {
  private child: ChildProcess | undefined;
  private lines: Interface | undefined;
  private tasks = 0;
  private last = '';

  /** Grades, if need be twice: the second time alone. */
  async grade(task: Task): Promise<Answer> {
    const fresh = this.tasks === 0, first = await this.ask(task);
    if (this.child !== undefined || fresh) return first;
    const second = await this.ask(task);
    this.close();
    return second;
  }

  /** Ends the process with all that it started. */
  close(): void {
    const { child } = this;
    this.lines?.close();
    this.child = this.lines = undefined;
    this.tasks = 0;
    if (child?.pid === undefined) return;
    try { process.kill(-child.pid, 'SIGKILL'); } catch { /* it has ended */ }
  }

  private async ask(task: Task): Promise<Answer> {
    const child = (this.child ??= this.start()), lines = this.lines!;
    this.tasks++;
    const found = await new Promise<Answer>((resolve) => {
      const settle = (answer: Answer): void => {
        clearTimeout(timer);
        lines.off('line', heard);
        child.off('close', ended);
        resolve(answer);
      };
      const heard = (line: string): void => settle(line.length > MOST_LINE ? this.gone('the verdict is too long')
        : JSON.parse(line) as Answer);
      const ended = (status: number | null, signal: string | null): void => {
        settle(this.gone(signal ? `the grader was ended by ${signal}` : this.last || `the grader ended with status ${status}`));
      };
      const timer = setTimeout(() => settle(this.gone(`the grader did not end within ${PATIENCE} s`)), PATIENCE * 1000);
      lines.on('line', heard);
      child.on('close', ended);
      child.stdin!.write(`${JSON.stringify(task)}\n`);
    });
    if (this.tasks >= MOST_TASKS || found.bytes > MOST_BYTES) this.close();
    return found;
  }
  private gone(why: string): Answer {
    this.close();
    return { why, bytes: 0 };
  }

  private start(): ChildProcess {
    const words = [join(projectRoot(), 'bin/tessera'), 'lab', 'serve'];
    const child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    child.on('error', (error) => { this.last = error.message; });
    child.stdin!.on('error', () => { /* it has ended, which is told by 'close' */ });
    child.stderr!.on('data', (bytes: Buffer) => { this.last = bytes.toString().split('\n')[0] ?? ''; });
    this.lines = createInterface({ input: child.stdout! });
    return child;
  }
}
