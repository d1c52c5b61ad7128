/**
 * Three ways to make a system call. As an exception: the trap becomes a message to the Unix server, which answers it. As a message from the
 * program's own library, as in L4Linux's modified C library (SOSP '97): no exception, and the thread is no alien. And without a call: the
 * program reads the time from a page that all programs share.
 *
 * Twin: the server has no portal for messages. The library notices that at each call, and traps.
 */
import { counter } from './counter.ts';
import { defineScenario } from './define.ts';
import { linesFor, terminal } from './unix.ts';
import { unixComponent } from './worlds.ts';

const CALLS = 1000;

export default defineScenario({
  name: 'getpid-cost',
  summary: 'three ways of a system call: as an exception, as a message of the program itself, and as none, out of a shared page',
  parameters: { stubs: { default: 'on', values: ['on', 'off'], doc: 'whether programs may send system calls as messages' } },
  build: ({ stubs }) => ({
    components: {
      ...terminal,
      counter: { program: counter, provides: ['counter'] },
      linux: unixComponent({
        argv: ['/bin/getpid-cost', String(CALLS)], files: ['getpid-cost'], memory: 24 << 20,
        more: { stubs: stubs === 'on', gates: [{ name: 'counter', cap: 'counter' }], gatePolicy: { audit: 'refused' } },
      }, { ...linesFor('linux'), counter: 'counter' }),
    },
  }),
  status: 'linux',
  log: 'console',
  files: { 'getpid-cost': 'guests/bin/linux/getpid-cost' },
  expect: [{ from: 'linux', text: 'message: getppid' }, { from: 'linux', text: 'every answer was right' }],
  holds: [
    { filter: 'from:"getpid-cost 2" kind:call to:linux', exactly: CALLS + 2,
      why: 'calls of the library are messages of the process itself' },
    { filter: 'from:"getpid-cost 2" nr:getppid kind:event', exactly: CALLS + 1, why: 'and only the others are exceptions' },
    { filter: 'from:"getpid-cost 2" nr:clock_gettime kind:event', atMost: CALLS + 15, why: 'the time out of the page is no call at all' },
  ],
  endings: {
    trapped: {
      why: 'there was no portal for messages: every call of the library was refused, and became an exception after all',
      holds: [{ filter: 'from:"getpid-cost 2" nr:getppid kind:event', exactly: 2 * CALLS + 1, why: 'twice as many exceptions' }],
    },
  },
  twin: { set: { stubs: 'off' }, ending: 'trapped' },
  budget: 20e9,
  story: 'docs/scenarios/getpid-cost.md',
});
