import { Status, answerKept, keepReply, serve, type Client, type Program, type Reply, type Sys, type Syscalls } from 'tessera';

const PUT = 0x2200, GET = 0x2201, CLOSE = 0x2202, LEVEL = 0x2203, FLUSH = 0x2204;

/** A waiting request: its client, the right to answer it, and for a PUT its word. */
interface Waiting { readonly client: number; readonly reply: number; readonly word: bigint }

const buffer: Program = {
  name: 'buffer',
  *main(sys, env) {
    const size = Number(env.args['size']), words: bigint[] = [];
    let readers: Waiting[] = [], writers: Waiting[] = [], closed = false;

    /** Gives words to readers, and moves writers' words into the buffer, as long as either is possible. */
    function* settle(own: Syscalls): Sys<void> {
      for (;;) {
        if (words.length > 0 && readers.length > 0) {
          const { reply } = readers.shift()!;
          if ((yield* answerKept(own, env, reply, { words: [words[0]!] })) === Status.ok) words.shift();
        } else if (words.length < size && writers.length > 0) {
          const { reply, word } = writers.shift()!;
          if ((yield* answerKept(own, env, reply)) === Status.ok) words.push(word);
        } else return;
      }
    }

    function* wait(own: Syscalls, client: number, queue: Waiting[], word = 0n): Sys<undefined> {
      queue.push({ client, reply: yield* keepReply(own, env), word });
      yield* settle(own);
      return undefined;
    }

    function* end(own: Syscalls): Sys<Reply> {
      closed = true;
      for (const { reply } of [...readers.splice(0), ...writers.splice(0)]) yield* answerKept(own, env, reply, { label: Status.dead });
      return {};
    }

    yield* serve<undefined>(sys, env, 'buffer', {
      open: () => undefined,
      *request(own, { id }: Client<undefined>) {
        const label = own.utcb.label, word = own.utcb.bigWord(0);
        switch (label) {
          case PUT: return closed ? { label: Status.dead } : yield* wait(own, id, writers, word);
          case GET: return closed && words.length === 0 ? { label: Status.dead } : yield* wait(own, id, readers);
          case CLOSE: return yield* end(own);
          case LEVEL: return { words: [words.length, readers.length, writers.length] };
          case FLUSH: { const n = words.splice(0).length; yield* settle(own); return { words: [n] }; }
          default: return { label: Status.badOp };
        }
      },
      *closed(_own, { id }) {
        readers = readers.filter((w) => w.client !== id);
        writers = writers.filter((w) => w.client !== id);
      },
    });
  },
};
export default buffer;
