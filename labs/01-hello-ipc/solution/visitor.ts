import { ask, exit, getText, log, statusName, type Operation, type Program } from 'tessera';

const GREET: Operation = { label: 0x2000, in: ['text'], out: ['text'], doc: 'A greeting for a name.' };
const COUNT: Operation = { label: 0x2001, in: [], out: ['mine', 'all'], doc: 'Greetings of this client, and of all.' };

const visitor: Program = {
  name: 'visitor',
  *main(sys, env) {
    const greeter = env.cap('greeter'), names = env.args['names'] as string[];
    let refused = 0;
    for (const name of names) {
      const status = yield* ask(sys, greeter, GREET, [], { text: name });
      if (status !== 0) refused++;
      yield* log(sys, env, status === 0 ? getText(sys.utcb, 0) : `${name}: ${statusName(status)}`);
    }
    const counted = yield* ask(sys, greeter, COUNT);
    if (counted === 0) yield* log(sys, env, `greeted ${sys.utcb.word(0)} of ${sys.utcb.word(1)}`);
    yield* exit(sys, env, refused, 'done');
  },
};
export default visitor;
