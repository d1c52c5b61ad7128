// The greeter: a server with one kind of service and four kinds of request. README.md says what each one does.
import { Server, Status, answer, getText, refuse, type Answer, type Program, type Session, type Sys, type Syscalls } from 'tessera';

const GREET = 0x2000, COUNT = 0x2001;

/** The server's state of one client: add the fields that your handlers need. */
interface Client { greetings: number }

const greeter: Program = {
  name: 'greeter',
  *main(sys, env) {
    const word = String(env.args['word']);

    function* greet(own: Syscalls, session: Session<Client>): Sys<Answer> {
      const name = getText(own.utcb, 0);
      session.state.greetings++;
      return { status: Status.ok, text: `${word}, ${name}` };
    }
    function* count(_own: Syscalls, _session: Session<Client>): Sys<Answer> {
      return answer(0, 0);
    }

    const handlers = new Map([[GREET, greet], [COUNT, count]]);
    const server = new Server<Client>(env, 'greeting', handlers, { open: () => ({ greetings: 0 }), bufferOrder: 0 });
    yield* server.run(sys);
  },
};
export default greeter;

// You will need it soon:
export const later = { refuse };
