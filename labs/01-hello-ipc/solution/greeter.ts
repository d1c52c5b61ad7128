import { Server, Status, answer, getText, refuse, type Answer, type Program, type Session, type Sys, type Syscalls } from 'tessera';

const GREET = 0x2000, COUNT = 0x2001, WORD = 0x2002, FORGET = 0x2003;
const LONGEST_NAME = 40;

/** The server's state of one client. */
interface Client { word: string; greetings: number }

const greeter: Program = {
  name: 'greeter',
  *main(sys, env) {
    const word = String(env.args['word']), limit = Number(env.args['limit']);
    let total = 0;

    function* greet(own: Syscalls, { state }: Session<Client>): Sys<Answer> {
      const name = getText(own.utcb, 0);
      if (name === '' || name.length > LONGEST_NAME) return refuse(Status.badArgument);
      state.greetings++;
      total++;
      return { status: Status.ok, text: `${state.word}, ${name}!` };
    }
    function* count(_own: Syscalls, { state }: Session<Client>): Sys<Answer> {
      return answer(state.greetings, total);
    }
    function* setWord(own: Syscalls, { state }: Session<Client>): Sys<Answer> {
      const wanted = getText(own.utcb, 0);
      if (wanted === '' || wanted.length > limit) return refuse(Status.badArgument);
      state.word = wanted;
      return answer();
    }
    function* forget(_own: Syscalls, { state }: Session<Client>): Sys<Answer> {
      state.word = word;
      state.greetings = 0;
      return answer();
    }

    const handlers = new Map([[GREET, greet], [COUNT, count], [WORD, setWord], [FORGET, forget]]);
    const server = new Server<Client>(env, 'greeting', handlers, { open: () => ({ word, greetings: 0 }), bufferOrder: 0 });
    yield* server.run(sys);
  },
};
export default greeter;
