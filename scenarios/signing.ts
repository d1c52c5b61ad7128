/** A signer with a key, and a client that requests signatures periodically: secure programs next to virtual machines and Unix servers. */
import type { Sys } from '../microkernel/abi/index.ts';
import { ask, log, report, type Program } from '../roottask/client/index.ts';
import { Server, answer, type Answer } from '../roottask/lib/server.ts';
import { getText } from '../roottask/client/index.ts';
import { hex, hmac } from './sha256.ts';

export const SIGN = { label: 0x2210, in: ['text'], out: ['w0', 'w1', 'w2', 'w3', 'w4', 'w5', 'w6', 'w7'],
  doc: 'The keyed hash of the text: eight words of 32 bits.' };
const encoder = new TextEncoder();
/** Cycles of a signature for each block of the hash. */
const BLOCK_CYCLES = 2500;

/** `args.key`: its key, which it never reveals. */
export const signer: Program = {
  name: 'signer',
  *main(sys, env) {
    const key = encoder.encode(String(env.args['key']));
    let signatures = 0;
    const sign = function* (): Sys<Answer> {
      const text = getText(sys.utcb, 0), words = hmac(key, encoder.encode(text));
      sys.charge(BLOCK_CYCLES * (4 + Math.ceil(text.length / 64)));
      yield* report(sys, env, `${++signatures} signatures`);
      return answer(...words);
    };
    yield* new Server<string>(env, 'signer', new Map([[SIGN.label, sign]]), { open: (label) => label, bufferOrder: 0 }).run(sys);
  },
};

/** Requests `args.count` signatures of one order, one every `args.everyMs`, and reports whether all were equal. */
export const bank: Program = {
  name: 'bank',
  *main(sys, env) {
    const count = Number(env.args['count']), every = Number(env.args['everyMs']) * 1e6, seen = new Set<string>();
    for (let i = 0; i < count; i++) {
      const status = yield* ask(sys, env.cap('signer'), SIGN, [], { text: 'pay 5 to Ada' });
      seen.add(status === 0 ? hex(Array.from({ length: 8 }, (_, n) => sys.utcb.word(n))) : `status ${status}`);
      yield* sys.receive(0, every);
    }
    yield* log(sys, env, `${count} signatures, ${seen.size} kind${seen.size === 1 ? '' : 's'}: ${[...seen].join(', ')}`);
  },
};
