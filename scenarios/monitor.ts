/**
 * The monitor between security domains: it accepts letters, checks sender and receiver, delivers or refuses, and logs refusals. The
 * sender's session, which the scenario created and no process can forge, identifies the sender. guests/include/mail.h has its protocol for
 * C.
 */
import { Status, type Sys } from '../microkernel/abi/index.ts';
import { getBytes, log, report, type Program } from '../roottask/client/index.ts';
import { Server, refuse, type Answer, type Session } from '../roottask/lib/server.ts';

const SEND = 0x2220, TAKE = 0x2221, MOST_BYTES = 400, MOST_WAITING = 8;
export const MAIL_OPERATIONS = { send: SEND, take: TAKE } as const;

interface Letter { readonly from: number; readonly bytes: Uint8Array }

/** `args.domains`: their names, by number; `args.policy`: `from>to` for what may pass; without it, everything passes. */
export const monitor: Program = {
  name: 'monitor',
  *main(sys, env) {
    const domains = env.args['domains'] as readonly string[], policy = env.args['policy'] as readonly string[] | undefined;
    const boxes = domains.map((): Letter[] => []);
    let passed = 0, refused = 0;
    const no = function* (from: string, to: string, why: string): Sys<Answer> {
      yield* log(sys, env, `refused: ${from} to ${to}: ${why}`);
      yield* report(sys, env, `${passed} letters passed, ${++refused} refused`);
      return refuse(Status.badRights);
    };
    const send = function* (_s: unknown, { label: from }: Session<string>): Sys<Answer> {
      const to = sys.utcb.word(0), name = domains[to] ?? `domain ${to}`, box = boxes[to], length = sys.utcb.word(1);
      const bytes = getBytes(sys.utcb, 2, Math.max(0, Math.min(MOST_BYTES, length)));
      if (!box || !domains.includes(from)) return yield* no(from, name, 'no such domain');
      if (policy && !policy.includes(`${from}>${name}`)) return yield* no(from, name, 'the policy');
      if (!(length >= 0 && length <= Math.min(MOST_BYTES, 8 * (sys.utcb.wordCount - 2)))) return yield* no(from, name, `${length} bytes`);
      if (box.length >= MOST_WAITING) return yield* no(from, name, 'its box is full');
      box.push({ from: domains.indexOf(from), bytes });
      yield* report(sys, env, `${++passed} letters passed, ${refused} refused`);
      return { status: Status.ok };
    };
    const take = function* (_s: unknown, { label }: Session<string>): Sys<Answer> {
      const letter = boxes[domains.indexOf(label)]?.shift();
      return letter ? { status: Status.ok, words: [letter.from], text: new TextDecoder().decode(letter.bytes) } : refuse(Status.timeout);
    };
    yield* new Server<string>(env, 'mail', new Map([[SEND, send], [TAKE, take]]), { open: (label) => label, bufferOrder: 0 }).run(sys);
  },
};
