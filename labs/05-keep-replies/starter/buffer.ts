// A bounded buffer: a server that keeps replies, so that its clients sleep. README.md describes each request.
import { Status, answerKept, keepReply, serve, type Program } from 'tessera';

const PUT = 0x2200, GET = 0x2201;

const buffer: Program = {
  name: 'buffer',
  *main(sys, env) {
    const size = Number(env.args['size']), words: bigint[] = [];

    yield* serve<undefined>(sys, env, 'buffer', {
      open: () => undefined,
      *request(own) {
        const label = own.utcb.label, word = own.utcb.bigWord(0);
        if (label === PUT) {
          if (words.length === size) return { label: Status.busy };
          words.push(word);
          return {};
        }
        if (label === GET) {
          const first = words.pop();
          return first === undefined ? { label: Status.busy } : { words: [first] };
        }
        return { label: Status.badOp };
      },
    });
  },
};
export default buffer;

// You will need them soon:
export const later = { answerKept, keepReply };
