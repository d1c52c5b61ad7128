/**
 * Taming: a real-time task beside a Unix server that works as hard as it can. The server holds a lock where a kernel would disable
 * interrupts; whoever has
 * a higher priority runs all the same. A native task and a Linux process wake up every millisecond and note how late they are.
 *
 * Twin: while the server works nobody else runs, as if it had disabled interrupts for real.
 */
import { defineScenario } from './define.ts';
import { linesFor, terminal } from './unix.ts';
import { unixComponent } from './worlds.ts';

const PROGRAMS = ['sh', 'seq', 'sort', 'wc', 'cat', 'true', 'sleep', 'periodic'];
/** Pipelines, forks and files until the machine is switched off. */
const LOAD = 'while true; do seq 3000 | sort | cat | wc -l > /n; true; true; seq 500 > /f; cat /f /f /f /f > /g; done';
/** Priorities: of the server that is tamed, and of one that nobody interrupts; between its processes and it stands the real-time task. */
const TAMED = 100, REAL_TIME = 155, UNTAMED = 160;
/** Latest that the real-time task may be: what the kernel does in one piece, and its way in and out (20 µs). */
const BOUND_NS = 20_000;

export default defineScenario({
  name: 'tamed',
  summary: 'a real-time task beside a Unix server under load: how late it is, and how late a process is that wants the same',
  parameters: {
    interrupts: { default: 'lock', values: ['lock', 'disabled'], doc: 'what stands where a kernel disables interrupts' },
    seconds: { default: 1, least: 1, most: 3600, doc: 'virtual seconds that it lasts' },
  },
  build: ({ interrupts, seconds }) => ({
    components: {
      ...terminal,
      linux: {
        ...unixComponent({
          argv: ['/bin/sh', '-c',
            `periodic ${Math.floor(seconds * 900)} &\n${LOAD}`], env: ['PATH=/bin'], files: PROGRAMS, memory: 24 << 20,
              more: { lends: ['files'] },
        }, linesFor('linux')), priority: interrupts === 'lock' ? TAMED : UNTAMED, provides: ['files'],
          // it goes on as long as the task does
      },
      task: { program: { elf: 'native-periodic' }, args: { rounds: Math.floor(seconds * 1000), bound: BOUND_NS }, priority: REAL_TIME },
    },
    budget: (seconds + 20) * 1e9,
  }),
  status: 'task',
  log: 'console',
  files: { ...Object.fromEntries(PROGRAMS.map((p) => [p, `guests/bin/linux/${p}`])), 'native-periodic': 'guests/bin/native/periodic' },
  expect: [{ from: 'task', text: 'never later than its bound' }, { from: 'linux', text: 'process: ' }],
  endings: {
    wild: { why: 'while the server works nobody else runs: the task is late', expect: [{ from: 'task', text: 'later than its bound ' }] },
  },
  twin: { set: { interrupts: 'disabled' }, ending: 'wild' },
  story: 'docs/scenarios/tamed.md',
});
