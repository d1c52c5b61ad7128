/**
 * Taming: a real-time task next to a fully loaded Unix server. Where a kernel would disable interrupts, the server takes a lock, for a
 * bounded time; threads of higher priority still run. A native task and a Linux process wake up every millisecond and record how late they
 * are. Meanwhile the server builds a project, suffers a fork bomb, and is flooded with datagrams.
 *
 * Twin: while the server works nothing else runs, as if it had really disabled interrupts.
 */
import { defineScenario } from './define.ts';
import { switchComponent } from './devices.ts';
import { flood } from './flood.ts';
import { linesFor, terminal } from './unix.ts';
import { unixComponent } from './worlds.ts';

const PROGRAMS = ['sh', 'seq', 'sort', 'wc', 'cat', 'tr', 'grep', 'head', 'rm', 'ls', 'true', 'sleep', 'build', 'bomb',
  'bigread', 'periodic'];
/**
 * The load on the server: `make` builds a small project again and again; pipelines and files; one call that copies four megabytes; a fork
 * bomb.
 */
const load = (rest: string): string => [`while true; do build 4 > /dev/null; ${rest} done &`,
  `while true; do seq 3000 | sort | cat | wc -l > /n; true; bigread 4 > /n; ${rest} done &`,
  rest ? `while true; do bomb 16 100; ${rest} done` : 'bomb 16'].join('\n');
const ADDRESS = [10, 0, 0, 1];
/** Unexpected datagrams: sixteen each millisecond, or for a tenth of a second after each rest. */
const FLOOD = { to: ADDRESS, port: 9, burst: 16, every: 1_000_000 };
/**
 * Priorities of the tamed server, and of one that nothing interrupts; the real-time task's lies between the server's processes and the
 * server.
 */
const TAMED = 100, REAL_TIME = 155, UNTAMED = 160;
/** Bound for the real-time task's lateness: the kernel's longest stretch, and its entry and exit (20 µs). */
const BOUND_NS = 20_000;

export default defineScenario({
  name: 'tamed',
  summary: 'a real-time task beside a Unix server under load: how late it is, and how late a process is that wants the same',
  parameters: {
    interrupts: { default: 'lock', values: ['lock', 'disabled'], doc: 'what stands where a kernel disables interrupts' },
    rest: { default: 0, least: 0, most: 60, doc: 'seconds that each load rests after a round; nobody pays for time in which all rest' },
    hold: { default: 100, least: 10, most: 1_000_000, doc: 'longest that the server holds that lock, in microseconds' },
    seconds: { default: 1, least: 1, most: 3600, doc: 'virtual seconds that it lasts' },
  },
  build: ({ interrupts, rest, hold, seconds }) => ({
    components: {
      ...terminal,
      switch: switchComponent(),
      flood: { program: flood, args: { ...FLOOD, bursts: seconds * 1000, rest: rest * 1000 }, caps: { net: 'switch' }, priority: 130 },
      linux: {
        ...unixComponent({
          argv: ['/bin/sh', '-c', `(periodic ${Math.floor(seconds * 900)}; cat /proc/lock_stat) &\n${load(rest ? `sleep ${rest};` : '')}`],
          env: ['PATH=/bin'], files: PROGRAMS, memory: 32 << 20,
          more: { lends: ['files'], longestHold: hold * 1000, network: { address: ADDRESS, bits: 24, gateway: [10, 0, 0, 254] } },
        }, { ...linesFor('linux'), net: 'switch' }),
        priority: interrupts === 'lock' ? TAMED : UNTAMED, provides: ['files'], // it runs as long as the task does
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
