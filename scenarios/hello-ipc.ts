/**
 * Two tasks and one door between them. `greeter` announces a service; `visitor` has capabilities only to it, to memory and to the log.
 * Every line that appears has crossed four protection boundaries.
 */
import type { Sys } from '../microkernel/abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import { ask, getText, log, report, type Env, type Program } from '../roottask/client/index.ts';
import { Server, refuse, type Answer } from '../roottask/lib/server.ts';
import { defineScenario } from './define.ts';

const GREET = { label: 0x2000, in: ['text'], out: ['text'], doc: 'A greeting for a name.' };

const greeter: Program = {
  name: 'greeter',
  *main(sys, env) {
    const server = new Server<string>(env, 'greeting', new Map([[GREET.label, greet]]), { open: label => label, bufferOrder: 0 });
    yield* server.run(sys);
  },
};
function* greet(sys: Syscalls): Sys<Answer> {
  const name = getText(sys.utcb, 0);
  return name ? { status: 0, text: `Hello, ${name}!` } : refuse(5);
}

const visitor: Program = {
  name: 'visitor',
  *main(sys: Syscalls, env: Env) {
    for (const name of ['world', 'RISC-V', 'tessera']) {
      const status = yield* ask(sys, env.cap('greeter'), GREET, [], { text: name });
      yield* log(sys, env, status === 0 ? getText(sys.utcb, 0) : `no greeting: ${status}`);
    }
    yield* report(sys, env, 'greeted three times');
  },
};

export default defineScenario({
  name: 'hello-ipc',
  summary: 'two tasks, one capability, three messages',
  components: {
    greeter: { program: greeter, provides: ['greeting'] },
    visitor: { program: visitor, caps: { greeter: 'greeter' } },
  },
  expect: [{ from: 'visitor', text: 'Hello, world!' }, { from: 'visitor', text: 'Hello, tessera!' }],
  budget: 1e9,
  story: 'docs/scenarios/hello-ipc.md',
  ram: '64M',
});
