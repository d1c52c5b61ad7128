/** A message that claims more length than it has does not reveal others' earlier messages in a server's buffer. */
import { describe, expect, it } from 'vitest';
import { Server, getText, log, put, type Answer, type Program, type Scenario, type Sys } from '../index.ts';
import { IpcFlag } from '../microkernel/abi/index.ts';
import { bootScenario } from './audited.ts';

const ECHO = 0x2300, LOG_LINE = 0x1030, SECRET = 'the password is swordfish, and nobody may know';
const CALL = IpcFlag.send | IpcFlag.call | IpcFlag.receive;

const echo: Program = {
  name: 'echo',
  *main(sys, env) {
    const answerIt = function* (): Sys<Answer> { return { status: 0, text: getText(sys.utcb, 0) }; };
    yield* new Server<string>(env, 'echo', new Map([[ECHO, answerIt]]), { open: (label) => label, bufferOrder: 0 }).run(sys);
  },
};
/** Sends its secret to the server, and to roottask as a report. */
const keeper: Program = {
  name: 'keeper',
  *main(sys, env) {
    for (let i = 0; i < 20; i++) {
      put(sys.utcb, ECHO, [], { text: SECRET });
      yield sys.ipc(CALL, env.cap('echo'));
      put(sys.utcb, 0x1051, [], { text: SECRET });
      yield sys.ipc(CALL, env.cap('life'));
      yield* sys.receive(0, 100_000);
    }
  },
};
/** Requests four hundred bytes from both with messages of one word, or of none. */
const peeper: Program = {
  name: 'peeper',
  *main(sys, env) {
    let seen = '';
    for (let i = 0; i < 20; i++) {
      yield* sys.receive(0, 90_000);
      sys.utcb.setWord(0, 400);
      sys.utcb.setTag(LOG_LINE, i % 2);
      yield sys.ipc(CALL, env.cap('log'));
      for (let at = 0; at < 64; at++) sys.utcb.setWord(at, 0);
      sys.utcb.setWord(0, 400);
      sys.utcb.setTag(ECHO, i % 2);
      yield sys.ipc(CALL, env.cap('echo'));
      seen += getText(sys.utcb, 0);
    }
    yield* log(sys, env, `\nseen: ${seen.replaceAll('\0', '')}.`);
  },
};

describe('what earlier messages have left', () => {
  it('is not shown to those who ask for more than they have sent', async () => {
    const scenario: Scenario = {
      name: 'leftovers', summary: '', budget: 1e9, components: {
        echo: { program: echo, provides: ['echo'] }, keeper: { program: keeper, caps: { echo: 'echo' } },
          peeper: { program: peeper, caps: { echo: 'echo' } },
      },
    };
    let text = '';
    const system = bootScenario(scenario, { output: (_c, bytes) => { text += new TextDecoder().decode(bytes); } });
    expect(await system.run()).toMatchObject({ status: 0, why: '' });
    expect(text).toContain('seen: .');
    expect(text).not.toContain('swordfish');
  });
});
