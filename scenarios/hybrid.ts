/**
 * A program that uses both Linux and L4. It calls a counter outside its Unix server while a Linux timer sends it signals; the call is
 * uninterruptible, so each happens exactly once and the signals arrive afterwards. Its child calls a server that never answers, and is
 * killed.
 *
 * Twin: signals abort the call, which restarts as an ordinary system call would. The counter counts some calls twice.
 */
import { COUNTER_OPERATIONS as operations, counter } from './counter.ts';
import { defineScenario } from './define.ts';
import { linesFor, terminal } from './unix.ts';
import { unixComponent } from './worlds.ts';

const GATES = [{ name: 'counter', cap: 'counter', operations }, { name: 'silent', cap: 'silent', operations }];

export default defineScenario({
  name: 'hybrid',
  summary: 'a Linux process makes kernel calls of its own under a storm of signals: each happens exactly once',
  parameters: { signals: { default: 'wait', values: ['wait', 'break'], doc: 'signals wait until a call is over, or break it off' } },
  build: ({ signals }) => ({
    components: {
      ...terminal,
      counter: { program: counter, args: { addMs: 2 }, provides: ['counter'] },
      silent: { program: counter, provides: ['counter'] },
      linux: unixComponent({
        argv: ['/bin/hybrid'], files: ['hybrid'], memory: 24 << 20,
          more: { gates: GATES, gatePolicy: { uninterruptible: signals === 'wait' } },
      }, { ...linesFor('linux'), counter: 'counter', silent: 'silent' }),
    },
  }),
  status: 'linux',
  log: 'console',
  files: { hybrid: 'guests/bin/linux/hybrid' },
  expect: [
    { from: 'linux', text: 'the counter stands at 40: each call happened exactly once' },
    { from: 'linux', text: 'state D, and D after SIGTERM' },
    { from: 'linux', text: 'the child died of signal 9' },
  ],
  holds: [
    { filter: 'from:"hybrid 2" to:counter kind:call', exactly: 41, why: 'each call of the program leaves its task once' },
    { filter: 'from:"hybrid 2" cause:ownCall kind:event', exactly: 41, why: 'each is reported before it happens' },
    { filter: 'from:"hybrid 2" cause:ownCalled kind:event', exactly: 41, why: 'each is reported when it is over' },
  ],
  endings: { torn: { why: 'calls that a signal broke off were made again, and the counter counted them twice',
    expect: [{ from: 'linux', text: 'NOT exactly once' }] } },
  twin: { set: { signals: 'break' }, ending: 'torn' },
  budget: 60e9,
  story: 'docs/scenarios/hybrid.md',
});
