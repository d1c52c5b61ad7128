/**
 * Message transfer descriptors choose the part of a thread's state that travels with an event. A process makes a thousand system calls and
 * a guest takes five hundred exits; each event carries the state that its cause needs, and each answer returns the changed state.
 *
 * Twin: every event and every answer carries the whole state. The work is the same, and each event moves several times as many bytes.
 */
import { defineScenario } from './define.ts';
import { linesFor, terminal } from './unix.ts';
import { machineComponent, unixComponent } from './worlds.ts';

const bytes = (task: string): string => `select avg(bytes) from events where task like '${task}'`;
/** Bytes of state of an event: what its descriptor names. */
const MOST = { call: 64, exit: 180 } as const, FULL = { call: 500, exit: 600 } as const;

export default defineScenario({
  name: 'mtd-ablation',
  summary: 'what message transfer descriptors save: words moved per event, and cycles, with minimal and with full state',
  parameters: { state: { default: 'minimal', values: ['minimal', 'full'],
    doc: 'what an event brings: what its cause needs, or everything' } },
  build: ({ state }) => ({
    components: {
      ...terminal,
      linux: unixComponent({
        argv: ['/bin/getppid', '1000'], files: ['getppid'], memory: 24 << 20, more: { fullState: state === 'full' },
      }, linesFor('linux')),
      vm: machineComponent({ kernel: 'exits', memory: 16 << 20, more: { fullState: state === 'full' } },
        { console: { from: 'console', label: 'vm' } }),
    },
  }),
  log: 'console',
  files: { getppid: 'guests/bin/linux/getppid', exits: 'guests/bin/exits.bin' },
  expect: [{ from: 'linux', text: 'getppid: 1000 calls' }, { from: 'vm', text: 'slept 50 times' }],
  holds: [
    { sql: bytes('getppid%'), atMost: MOST.call, why: 'a system call brings its eight arguments, and no more' },
    { sql: bytes('vm guest'), atMost: MOST.exit, why: 'an exit brings what its handler reads' },
  ],
  endings: {
    heavy: {
      why: 'every event carried everything: seven times the state of a system call, four times that of an exit',
      expect: [{ from: 'linux', text: 'getppid: 1000 calls' }, { from: 'vm', text: 'slept 50 times' }],
      holds: [
        { sql: bytes('getppid%'), atLeast: FULL.call, why: 'a system call brings all registers' },
        { sql: bytes('vm guest'), atLeast: FULL.exit, why: 'an exit brings all of the virtual processor' },
      ],
    },
  },
  twin: { set: { state: 'full' }, ending: 'heavy' },
  budget: 10e9,
  story: 'docs/scenarios/mtd-ablation.md',
});
