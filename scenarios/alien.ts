/**
 * Aliens: a Linux process whose calls of the microkernel are reported to its Unix server before they happen and after. A policy refuses
 * some with an errno and logs each refusal. A native program makes the same calls unwatched: the difference is the cost of being watched.
 *
 * Twin: no policy. The request that should be refused passes, and a program without the right resets the counter.
 */
import { COUNTER_OPERATIONS as operations, counter } from './counter.ts';
import { defineScenario } from './define.ts';
import { linesFor, terminal } from './unix.ts';
import { unixComponent } from './worlds.ts';

const GATES = [{ name: 'counter', cap: 'counter', operations, refuse: { reset: 'EACCES' }, others: 'EPERM' }];

export default defineScenario({
  name: 'alien',
  summary: 'kernel calls of a Linux process are reported before and after; a policy refuses some, in writing',
  parameters: { policy: { default: 'on', values: ['on', 'off'], doc: 'what decides on calls; off: every call goes through' } },
  build: ({ policy }) => ({
    components: {
      ...terminal,
      counter: { program: counter, provides: ['counter'] },
      native: { program: { elf: 'unwatched' }, caps: { counter: 'counter' } },
      linux: unixComponent({
        argv: ['/bin/alien'], files: ['alien'], memory: 24 << 20, more: { gates: GATES, gatePolicy: { policy: policy === 'on' } },
      }, { ...linesFor('linux'), counter: 'counter' }),
    },
  }),
  status: 'linux',
  log: 'console',
  files: { alien: 'guests/bin/linux/alien', unwatched: 'guests/bin/native/unwatched' },
  expect: [
    { from: 'linux', text: 'gate counter: alien[2] reset: refused, EACCES' },
    { from: 'linux', text: 'reset: Permission denied' },
    { from: 'linux', text: 'the counter stands at 5' },
    { from: 'linux', text: 'every answer was as the policy says' },
    { from: 'native', text: '1000 calls that nobody watches' },
  ],
  holds: [
    { filter: 'from:"alien 2" to:counter kind:call', exactly: 1002, why: 'no call that was refused has left the task' },
    { filter: 'from:"alien 2" cause:ownCall kind:event', exactly: 1007, why: 'each call is reported before it happens' },
    { filter: 'from:"alien 2" cause:ownCalled kind:event', exactly: 1002, why: 'each that was let through is reported when it is over' },
  ],
  endings: {
    trespass: {
      why: 'nobody decided, and the counter was reset by somebody who may not',
      expect: [{ from: 'linux', text: 'reset: done' }, { from: 'linux', text: 'the counter stands at 0' }],
    },
  },
  twin: { set: { policy: 'off' }, ending: 'trespass' },
  budget: 60e9,
  story: 'docs/scenarios/alien.md',
});
