/** A Unix server's services for native tasks: files, datagrams and connections, with Unix errors. */
import { describe, expect, it } from 'vitest';
import { ask, getText, log, type Program, type Scenario, type Sys, type Syscalls } from '../index.ts';
import { readFileSync } from 'node:fs';
import { Toolbox, UNIX_ERROR } from '../l4guest/toolbox/protocol.ts';
import { LentTcp } from '../l4guest/toolbox/client.ts';
import { unixComponent } from '../scenarios/unix-world.ts';
import { bootScenario } from './audited.ts';

const ENOENT = 2, EBADF = 9, EAGAIN = 11, EMFILE = 24, ENOSYS = 38, ECONNREFUSED = 111, LOOPBACK = 0x7f00_0001, CREATE = 0o102;
const { files, udp, tcp } = Toolbox;

/** Runs `main` next to a Unix server that offers every service; returns its output. */
async function beside(main: (sys: Syscalls, env: Parameters<Program['main']>[1],
  say: (what: string, got: unknown) => Sys<void>) => Sys<void>): Promise<string[]> {
  const client: Program = {
    name: 'client',
    *main(sys, env) { yield* main(sys, env, function* (what, got) { yield* log(sys, env, `${what}: ${JSON.stringify(got)}`); }); },
  };
  const scenario: Scenario = {
    name: 'toolbox', summary: '', budget: 5e9, status: 'client', components: {
      linux: { ...unixComponent({ argv: ['/bin/sleep', '100'], files: ['sleep'], memory: 16 << 20,
        more: { lends: ['files', 'udp', 'tcp'] } }, {}), provides: ['files', 'udp', 'tcp'] },
      client: { program: client, caps: { files: 'linux/files', udp: 'linux/udp', tcp: 'linux/tcp' } },
    },
  };
  let text = '';
  const modules = [{ name: 'sleep', bytes: new Uint8Array(readFileSync(new URL('../guests/bin/linux/sleep', import.meta.url))) }];
  const system = bootScenario(scenario, { output: (_c, bytes) => { text += new TextDecoder().decode(bytes); }, modules });
  expect(await system.run()).toMatchObject({ status: 0, why: '' });
  return text.split('\n').filter((l) => l.startsWith('[client] ')).map((l) => l.slice('[client] '.length));
}

describe('a Unix server as a toolbox', () => {
  it('lends files', async () => {
    const said = await beside(function* (sys, env, say) {
      const cap = env.cap('files');
      yield* say('absent', (yield* ask(sys, cap, files.open, [0], { text: '/nothing' })) - UNIX_ERROR);
      const made = yield* ask(sys, cap, files.open, [CREATE], { text: '/new' }), handle = sys.utcb.word(0);
      yield* say('made', made);
      yield* say('written', [yield* ask(sys, cap, files.write, [handle, 3], { text: 'hello' }), sys.utcb.word(0)]);
      yield* say('read', [yield* ask(sys, cap, files.read, [handle, 0, 100]), getText(sys.utcb, 0)]);
      yield* say('behind the end', [yield* ask(sys, cap, files.read, [handle, 100, 100]), getText(sys.utcb, 0)]);
      yield* say('closed', [yield* ask(sys, cap, files.close, [handle]), (yield* ask(sys, cap, files.read, [handle, 0, 1])) - UNIX_ERROR]);
      yield* say('a request of another service', (yield* ask(sys, cap, tcp.connect, [LOOPBACK, 1])) - UNIX_ERROR);
      let many = 0, status = 0;
      while (status === 0) { status = yield* ask(sys, cap, files.open, [0], { text: '/new' }); many++; }
      yield* say('too many', [many, status - UNIX_ERROR]);
    });
    expect(said).toEqual([
      `absent: ${ENOENT}`, 'made: 0', 'written: [0,5]', 'read: [0,"\\u0000\\u0000\\u0000hello"]', 'behind the end: [0,""]',
        `closed: [0,${EBADF}]`,
      `a request of another service: ${ENOSYS}`, `too many: [65,${EMFILE}]`,
    ]);
  });
  it('lends datagrams', async () => {
    const said = await beside(function* (sys, env, say) {
      const cap = env.cap('udp');
      const opened = yield* ask(sys, cap, udp.open, [5000]), first = sys.utcb.word(0);
      yield* say('open', opened);
      yield* ask(sys, cap, udp.open, [5001]);
      const second = sys.utcb.word(0);
      yield* say('nothing yet', (yield* ask(sys, cap, udp.receive, [second, 100, 2])) - UNIX_ERROR);
      yield* say('sent', [yield* ask(sys, cap, udp.send, [first, LOOPBACK, 5001], { text: 'ping' }), sys.utcb.word(0)]);
      yield* say('received', [yield* ask(sys, cap, udp.receive, [second, 100, 2]), sys.utcb.word(0) === LOOPBACK, sys.utcb.word(1),
        getText(sys.utcb, 2)]);
      yield* say('no handle', (yield* ask(sys, cap, udp.send, [77, LOOPBACK, 5001], { text: 'ping' })) - UNIX_ERROR);
    });
    expect(said).toEqual(['open: 0', `nothing yet: ${EAGAIN}`, 'sent: [0,4]', 'received: [0,true,5000,"ping"]', `no handle: ${EBADF}`]);
  });
  it('lends connections', async () => {
    const said = await beside(function* (sys, env, say) {
      const connection = new LentTcp(sys, env, 'tcp');
      yield* say('nobody listens', (yield* connection.connect(LOOPBACK, 80)) - UNIX_ERROR);
      yield* say('not open', ((yield* connection.receive()) as number) - UNIX_ERROR);
    });
    expect(said).toEqual([`nobody listens: ${ECONNREFUSED}`, `not open: ${EBADF}`]);
  });
});
