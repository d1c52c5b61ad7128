/**
 * A Unix server as a toolbox: a native program fetches pages through its network stack and stores notes in its files, and trusts neither.
 * The server crashes meanwhile; the program gets an error, and continues with the restarted server behind the same capabilities.
 *
 * Twin: the server is not restarted. The program ends with an error.
 */
import { l4guest } from '../l4guest/index.ts';
import { spawn, valueOf, type Program } from '../roottask/client/index.ts';
import type { Component } from '../roottask/scenario.ts';
import { defineScenario } from './define.ts';
import { switchComponent } from './devices.ts';
import { linesFor, terminal } from './unix.ts';
import { unixComponent } from './worlds.ts';

/** Time of the lending server's crash, ns. */
const FAILS_AT = 215_000_000;
const network = (last: number) => ({ address: [10, 0, 0, last], bits: 24, gateway: [10, 0, 0, 254] });

/** The Unix server with a bug that crashes it after a while. */
const buggy: Program = {
  name: 'l4guest',
  *main(sys, env) {
    const left = FAILS_AT - sys.now();
    if (left > 0) valueOf(yield* spawn(sys, env, function* (own) {
      yield* own.receive(0, left);
      throw new Error('assertion failed: a list of buffers ends in the middle');
    }));
    yield* l4guest.main(sys, env);
  },
};
const server = (name: string, last: number, argv: readonly string[], more: Readonly<Record<string, unknown>>): Component => unixComponent({
  argv, files: [argv[0]!.slice('/bin/'.length)], memory: 24 << 20, more: { hostname: name, network: network(last), ...more },
}, { ...linesFor(name), net: 'switch' });

export default defineScenario({
  name: 'toolbox',
  summary: "a native program fetches pages through a Unix server's network stack, and outlives the server's crash",
  parameters: { restart: { default: 'on', values: ['on', 'off'], doc: 'whether the server that crashes is started again' } },
  build: ({ restart }) => ({
    components: {
      ...terminal,
      switch: switchComponent(),
      web: { ...server('web', 1, ['/bin/httpd', '80', '20'], { lends: ['files'] }), provides: ['files'] }, // it never ends
      stack: { ...server('stack', 2, ['/bin/sleep', '1000'], { lends: ['tcp', 'files'] }), program: buggy, provides: ['tcp', 'files'],
        restart: restart === 'on' ? 1 : 0, exit: 'any' },
      fetch: { program: { elf: 'fetch' }, caps: { tcp: 'stack/tcp', files: 'stack/files' } },
    },
  }),
  status: 'fetch',
  log: 'console',
  files: { httpd: 'guests/bin/linux/httpd', sleep: 'guests/bin/linux/sleep', fetch: 'guests/bin/native/fetch' },
  expect: [
    { from: 'roottask', text: 'stack crashed: assertion failed' }, { from: 'fetch', text: '(dead)' },
    { from: 'fetch', text: '20 pages fetched through a server that I do not trust, 0 of them' },
  ],
  endings: { stranded: { why: 'the server was not started again, and the program could not go on',
    expect: [{ from: 'fetch', text: 'the server failed me' }, { from: 'fetch', text: 'failed requests: ' }] } },
  twin: { set: { restart: 'off' }, ending: 'stranded' },
  budget: 30e9,
  ram: '256M',
  story: 'docs/scenarios/toolbox.md',
});
