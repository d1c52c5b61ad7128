/** The labs, in the order of a course. Each is loaded on demand. */
import type { Lab } from './grading/lab.ts';

const loaders: Readonly<Record<string, () => Promise<{ default: Lab }>>> = {
  '01-hello-ipc': () => import('./01-hello-ipc/grader.ts'),
  '02-follow-a-call': () => import('./02-follow-a-call/grader.ts'),
  '03-pager': () => import('./03-pager/grader.ts'),
  '04-capabilities': () => import('./04-capabilities/grader.ts'),
  '05-keep-replies': () => import('./05-keep-replies/grader.ts'),
  '06-unix-call': () => import('./06-unix-call/grader.ts'),
  '07-copy-on-write': () => import('./07-copy-on-write/grader.ts'),
  '08-interrupts': () => import('./08-interrupts/grader.ts'),
  '09-priority': () => import('./09-priority/grader.ts'),
  '10-budget': () => import('./10-budget/grader.ts'),
  '11-virtual-16550': () => import('./11-virtual-16550/grader.ts'),
  '12-sbi-extension': () => import('./12-sbi-extension/grader.ts'),
  '13-trap-and-emulate': () => import('./13-trap-and-emulate/grader.ts'),
  '14-shadow-fault': () => import('./14-shadow-fault/grader.ts'),
  '15-scan-and-patch': () => import('./15-scan-and-patch/grader.ts'),
  '16-virtio-ring': () => import('./16-virtio-ring/grader.ts'),
  '17-look-ahead': () => import('./17-look-ahead/grader.ts'),
  '18-first-instruction': () => import('./18-first-instruction/grader.ts'),
};

export const labNames = (): string[] => Object.keys(loaders);

/** By number (`1`, `01`), name (`hello-ipc`) or folder (`01-hello-ipc`); undefined when there is none. */
export async function findLab(word: string): Promise<Lab | undefined> {
  const name = labNames().find((n) => n === word || n.slice(3) === word || (/^\d+$/.test(word) && Number(n.slice(0, 2)) === Number(word)));
  return name === undefined ? undefined : (await loaders[name]!()).default;
}
