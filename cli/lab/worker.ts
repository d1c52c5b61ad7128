/**
 * A grader's process, as `tessera lab grade` sees it. It grades some submissions and is then replaced. When it crashes on one, a separate
 * process grades that submission again alone, so a submission can harm no other's grading.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { projectRoot } from '../images/where.ts';
import type { Answer, Task } from './serve.ts';

/** Wall-clock limit of a grader in seconds, far beyond its own bounds. */
const PATIENCE = 300;
/** Bounds of a process: submissions, and memory after which it gets no more. */
const MOST_TASKS = 50, MOST_BYTES = 512 << 20, MOST_LINE = 4 << 20;

export class Worker {
  private child: ChildProcess | undefined;
  private lines: Interface | undefined;
  private tasks = 0;
  private last = '';

  /** Grades a submission, if necessary a second time alone. */
  async grade(task: Task): Promise<Answer> {
    const fresh = this.tasks === 0, first = await this.ask(task);
    if (this.child !== undefined || fresh) return first;
    const second = await this.ask(task);
    this.close();
    return second;
  }

  /** Ends the process and its children. */
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
    child.stdin!.on('error', () => { /* it has ended, which 'close' reports */ });
    child.stderr!.on('data', (bytes: Buffer) => { this.last = bytes.toString().split('\n')[0] ?? ''; });
    this.lines = createInterface({ input: child.stdout! });
    return child;
  }
}
