/**
 * One Unix server for each security domain: red, green and black have separate memory, files and processes, and share only a monitor that
 * passes letters by a policy: red to green, green to black and back to red. A fourth server is compromised; it may send no letters.
 *
 * Twin: the monitor passes everything. Red's secret reaches black.
 */
import type { Component } from '../roottask/scenario.ts';
import { defineScenario } from './define.ts';
import { MAIL_OPERATIONS as operations, monitor } from './monitor.ts';
import { takenOver } from './taken-over.ts';
import { linesFor, terminal } from './unix.ts';
import { unixComponent } from './worlds.ts';

const DOMAINS = ['red', 'green', 'black'] as const, POLICY = ['red>green', 'green>black', 'green>red'];
const GATES = [{ name: 'mail', cap: 'mail', operations, others: 'EPERM' }];
const mailbox = (label: string) => ({ mail: { from: 'monitor', label } });
const server = (name: string): Component => unixComponent({
  argv: ['/bin/domains', name], files: ['domains'], memory: 16 << 20, more: { hostname: name, gates: GATES },
}, { ...linesFor(name), ...mailbox(name) });

export default defineScenario({
  name: 'domains',
  summary: 'three Unix servers, one a security domain, and a monitor between them that writes down what it refuses',
  parameters: { monitor: { default: 'on', values: ['on', 'off'], doc: 'whether the monitor goes by its policy' } },
  build: ({ monitor: mode }) => ({
    components: {
      ...terminal,
      monitor: { program: monitor, args: { domains: DOMAINS, ...(mode === 'on' && { policy: POLICY }) }, provides: ['mail'],
        priority: 110 },
      ...Object.fromEntries(DOMAINS.map((name) => [name, server(name)])),
      grey: { program: takenOver, args: { seed: 3, tries: 3000, labels: Object.values(operations) },
        caps: { ...linesFor('grey'), ...mailbox('grey') }, memory: '24M', roms: true },
    },
  }),
  log: 'console',
  files: { domains: 'guests/bin/linux/domains' },
  expect: [
    { from: 'red', text: 'to black: "the secret is 4711": the monitor refuses' },
      { from: 'monitor', text: 'refused: red to black: the policy' },
    { from: 'green', text: 'from red: "three crates, and the secret is 4711"' }, { from: 'black', text: 'from green: "three crates"' },
    { from: 'monitor', text: 'refused: black to red: the policy' }, { from: 'red', text: 'from green: "received"' },
    { from: 'black', text: 'files of other domains here: 0' }, { from: 'grey', text: 'all of it its own' },
    { from: 'monitor', text: 'refused: grey to' },
  ],
  holds: [
    { filter: 'kind:call from:"domains 2" to:monitor', atLeast: 8,
      why: 'letters are messages of processes to the monitor, which their servers do not carry' },
    { filter: 'kind:call,send from:red,"domains 2" to:green,black', exactly: 0,
      why: 'no message goes from one domain to another but through the monitor' },
  ],
  endings: { leak: { why: 'the monitor passed everything: black knows the secret',
    expect: [{ from: 'black', text: 'from red: "the secret is 4711"' }] } },
  twin: { set: { monitor: 'off' }, ending: 'leak' },
  budget: 20e9,
  ram: '256M',
  story: 'docs/scenarios/domains.md',
});
