// The visitor: a client. It requests a greeting for each of the names in env.args.names, and prints the answers.
import { ask, getText, log, type Operation, type Program } from 'tessera';

const GREET: Operation = { label: 0x2000, in: ['text'], out: ['text'], doc: 'A greeting for a name.' };

const visitor: Program = {
  name: 'visitor',
  *main(sys, env) {
    const names = env.args['names'] as string[];
    const status = yield* ask(sys, env.cap('greeter'), GREET, [], { text: names[0]! });
    if (status === 0) yield* log(sys, env, getText(sys.utcb, 0));
  },
};
export default visitor;
