/**
 * Two domains share only a processor. A spy in one sends a secret to a spy in the other by computing or pausing; the receiver measures its
 * own progress. Budgets close this channel: each domain has four of every ten milliseconds, whatever the other does.
 *
 * Twin: without budgets the receiver reads every bit.
 */
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';

const TIME = { ms: 4, everyMs: 10 } as const;

export default defineScenario({
  name: 'covert',
  summary: 'a covert channel through the processor, and budgets that close it',
  parameters: { budgets: { default: 'on', values: ['on', 'off'],
    doc: 'each domain has four of every ten milliseconds, or what it can get' } },
  build: ({ budgets }) => {
    const time = budgets === 'on' ? { time: TIME } : {};
    return {
      components: {
        ...terminal,
        red: { program: { elf: 'spy' }, args: { role: 'sender' }, priority: 101, ...time },
        black: { program: { elf: 'spy' }, args: { role: 'receiver' }, priority: 100, ...time },
      },
    };
  },
  log: 'console',
  files: { spy: 'guests/bin/native/spy' },
  expect: [{ from: 'black', text: 'no better than guessing' }],
  endings: { leak: { why: 'the receiver read what the sender computed: 100 bits a second',
    expect: [{ from: 'black', text: 'the secret has leaked' }] } },
  twin: { set: { budgets: 'off' }, ending: 'leak' },
  budget: 2e9,
  story: 'docs/scenarios/covert.md',
});
