/** A counter next to the Unix servers, and its description as a gate for scenarios. guests/include/counter.h has its protocol for C. */
import { Ops, Own, type Sys } from '../microkernel/abi/index.ts';
import { report, type Program } from '../roottask/client/index.ts';
import { Server, answer, type Answer } from '../roottask/lib/server.ts';

const ADD = 0x2200, READ = 0x2201, RESET = 0x2202, WAIT = 0x2203;
/** The names of its operations, for gates. */
export const COUNTER_OPERATIONS = { add: ADD, read: READ, reset: RESET, wait: WAIT } as const;

/** `args.addMs`: the time it takes for an addition. It never answers the request `wait`. */
export const counter: Program = {
  name: 'counter',
  *main(sys, env) {
    const addNs = Number(env.args['addMs'] ?? 0) * 1e6, never = env.selector();
    let total = 0, additions = 0;
    yield* sys.must(Own.factory, Ops.factory.createSemaphore, [never, 0]);
    const add = function* (): Sys<Answer> {
      total += sys.utcb.word(0);
      additions++;
      if (addNs > 0) yield* sys.down(never, Ops.semaphore.down, addNs);
      yield* report(sys, env, `${additions} additions, it stands at ${total}`);
      return answer(total);
    };
    const wait = function* (): Sys<Answer> {
      yield* sys.down(never, Ops.semaphore.down, Infinity);
      return answer();
    };
    const handlers = new Map([
      [ADD, add], [READ, function* (): Sys<Answer> { return answer(total); }],
      [RESET, function* (): Sys<Answer> { total = 0; return answer(); }], [WAIT, wait],
    ]);
    yield* new Server<string>(env, 'counter', handlers, { open: (label) => label, bufferOrder: 0 }).run(sys);
  },
};
