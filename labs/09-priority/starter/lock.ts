// Locks for clients of different priorities. It works, but ignores priorities; README.md says what is missing.
import { Ops, Status, answerKept, capPage, keepReply, serve, type Client, type Program } from 'tessera';

const HELLO = 0x2700, ACQUIRE = 0x2701, RELEASE = 0x2702;

/** A client: its scheduling context (a selector of ours), its own priority, and the right to answer it while it waits. */
interface Who { context: number; own: number; reply: number }
interface Lock { holder: Client<Who> | undefined; queue: Client<Who>[] }

const lock: Program = {
  name: 'lock',
  *main(sys, env) {
    const count = Number(env.args['locks']), locks: Lock[] = Array.from({ length: count }, () => ({ holder: undefined, queue: [] }));
    let fresh = env.selector();

    yield* serve<Who>(sys, env, 'lock', {
      window: () => capPage(fresh),
      open: () => ({ context: 0, own: 0, reply: 0 }),
      *request(own, client) {
        const label = own.utcb.label, n = own.utcb.word(0), lock = locks[n];
        if (label === HELLO) {
          client.state.own = n;
          client.state.context = fresh; // the capability that came with the message
          fresh = env.selector();
          return {};
        }
        if (label === ACQUIRE && lock) {
          if (!lock.holder) { lock.holder = client; return {}; }
          client.state.reply = yield* keepReply(own, env);
          lock.queue.push(client);
          return undefined;
        }
        if (label === RELEASE && lock) {
          lock.holder = lock.queue.shift();
          if (lock.holder) yield* answerKept(own, env, lock.holder.state.reply);
          return {};
        }
        return { label: Status.badOp };
      },
    });
  },
};
export default lock;

// You will need it soon:
export const later = { set: Ops.schedContext.set };
