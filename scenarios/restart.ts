/**
 * A server that crashes and restarts. `dice` throws an exception at every third request. Its client gets an error, not silence,
 * and finds a fresh server behind the same capability a moment later.
 */
import type { Sys } from '../microkernel/abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import { statusName } from '../microkernel/abi/index.ts';
import { ask, log, type Env, type Program } from '../roottask/client/index.ts';
import { Server, answer, type Answer } from '../roottask/lib/server.ts';
import { defineScenario } from './define.ts';

const ROLL = { label: 0x2100, in: [], out: ['eyes'], doc: 'Throws the dice.' };
const WAIT_NS = 1e6, ROLLS = 6, MOST_TRIES = 1000;

const dice: Program = {
  name: 'dice',
  *main(sys, env) {
    let rolls = 0;
    const roll = function* (): Sys<Answer> {
      if (++rolls === 3) throw new Error('the dice fell off the table');
      return answer(1 + (rolls * 5) % 6);
    };
    yield* new Server<string>(env, 'dice', new Map([[ROLL.label, roll]]), { open: label => label, bufferOrder: 0 }).run(sys);
  },
};

const player: Program = {
  name: 'player',
  *main(sys: Syscalls, env: Env) {
    let failures = 0;
    for (let done = 0, tries = 0; done < ROLLS && tries < MOST_TRIES; tries++) {
      const status = yield* ask(sys, env.cap('dice'), ROLL);
      if (status === 0) {
        yield* log(sys, env, `roll ${++done}: ${sys.utcb.word(0)}`);
        continue;
      }
      if (++failures === 1) yield* log(sys, env, `no answer: ${statusName(status)}`);
      yield* sys.receive(0, WAIT_NS);
    }
  },
};

export default defineScenario({
  name: 'restart',
  summary: 'a server crashes twice and is started again; its client goes on',
  components: {
    dice: { program: dice, provides: ['dice'], restart: 3 },
    player: { program: player, caps: { dice: 'dice' } },
  },
  expect: [
    { from: 'roottask', text: 'dice crashed: the dice fell off the table' }, { from: 'player', text: 'no answer: dead' },
    { from: 'player', text: 'roll 6' }
  ],
  budget: 5e9,
  story: 'docs/scenarios/restart.md',
  ram: '64M',
});
