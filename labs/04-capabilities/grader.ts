/**
 * Grader of lab 4: a client that borrows keys from the student's broker, uses them, passes them on, tries forbidden operations, and loses
 * them.
 */
import { ask, statusName, type Env, type Program } from '../../index.ts';
import { Kind, Ops, Own, Status, capPage, type Operation } from '../../microkernel/abi/index.ts';
import { ofKind } from '../grading/evidence.ts';
import { program, type Lab, type World } from '../grading/lab.ts';
import type { Random } from '../grading/random.ts';

const op = (label: number): Operation => ({ label, in: [], out: [], doc: '' });
/** Labels, from the first one on; OTHER and BEFORE are invalid. */
const REQUESTS = { LEND: 0, LEND_ON: 1, REVOKE: 2, COUNT: 3, RENEW: 4, WEAKEN: 5, OTHER: 6, BEFORE: -1 } as const;
type Request = keyof typeof REQUESTS;

/** `slot`: one of the client's selectors. up: the semaphore; take: an operation only for its owner; pass: to another slot. */
type Step = { readonly check: string; readonly expected: number; readonly who?: 'anna' | 'bert' } & (
  | { readonly do: Request; readonly key: number; readonly slot?: number; readonly count?: number }
  | { readonly do: 'up' | 'take'; readonly slot: number }
  | { readonly do: 'pass'; readonly slot: number; readonly to: number });

const SLOTS = 400;
interface Got { readonly status: number; readonly word?: number }

const driver = (first: number, steps: readonly Step[], got: Got[]): Program => program('driver', function* (sys, env: Env) {
  for (const step of steps) {
    switch (step.do) {
      case 'up': got.push({ status: yield* sys.invoke(SLOTS + step.slot, Ops.semaphore.up) }); break;
      case 'take': got.push({ status: yield* sys.invoke(SLOTS + step.slot, Ops.semaphore.down, [0], 1000) }); break;
      case 'pass': got.push({ status: yield* sys.invoke(Own.task, Ops.task.map, [0, capPage(SLOTS + step.slot), SLOTS + step.to, 0]) });
        break;
      default: {
        const lends = step.slot !== undefined,
          status = yield* ask(sys, env.cap(step.who ?? 'anna'), op(first + REQUESTS[step.do]), lends ? [step.key, SLOTS + step.slot]
            : [step.key],
            { receives: lends, timeout: 5e6 });
        got.push({ status, word: step.do === 'COUNT' && status === 0 ? sys.utcb.word(0) : undefined });
      }
    }
  }
});

const told = (step: Step): string =>
  (step.do === 'up' || step.do === 'take'
    ? `${step.do === 'up' ? 'semaphore.up' : 'semaphore.down'} with the capability in slot ${step.slot}`
    : step.do === 'pass' ? `passing on the capability in slot ${step.slot} to slot ${step.to}`
    : `${step.do} key ${(step as { key: number }).key}${'slot' in step && step.slot !== undefined ? ` into slot ${step.slot}` : ''}`);
const says = (status: number, word?: number): string => statusName(status) + (word === undefined ? '' : `, ${word}`);

function world(first: number, name: string, steps: readonly Step[]): World {
  const got: Got[] = [];
  return {
    name, budget: 4e7,
    components: (submission) => ({
      broker: { program: submission.program('broker.s'), provides: ['broker'] },
      driver: {
        program: driver(first, steps, got), caps: { anna: { from: 'broker', label: 'anna' }, bert: { from: 'broker', label: 'bert' } },
        kernelMemory: '2M'
      },
    }),
    judge: (seen, say) => {
      const answers = ofKind(seen.trace, Kind.reply).filter((f) => f.from === 'broker' && f.to === 'driver'),
        asked = steps.filter((s) => 'key' in s);
      asked.forEach((step, i) => {
        const words = step.do === 'COUNT' && step.expected === 0 ? 1 : 0, answered = answers[i];
        say('exact', answered !== undefined && (answered.b & 0xff) === words, `${told(step)}: ${words} words in the answer`,
          answered ? String(answered.b & 0xff) : 'no answer', answered?.seq);
      });
      steps.forEach((step, i) => {
        const count = 'count' in step ? step.count : undefined, answer = got[i];
        say(step.check, answer !== undefined && answer.status === step.expected && (count === undefined || answer.word === count),
          `step ${i + 1}, ${told(step)}: ${says(step.expected, count)}`,
          answer ? says(answer.status, count === undefined ? undefined : answer.word) : seen.end('broker').why || seen.why || 'nothing');
      });
    },
  };
}

function worlds(first: number, keys: number, random: Random): World[] {
  const { ok, badCap, badRights, badArgument, badOp } = Status,
    [one, second, third] = random.some([...Array(keys).keys()], 3) as [number, number, number];
  const lend = (check: string, key: number, slot: number, who?: 'bert'): Step => ({ check, do: 'LEND', key, slot, expected: ok, who }),
    on = (check: string, key: number, slot: number, who?: 'bert'): Step => ({ check, do: 'LEND_ON', key, slot, expected: ok, who });
  const up = (check: string, slot: number, expected: number = ok): Step => ({ check, do: 'up', slot, expected }),
    take = (check: string, slot: number, expected: number = badRights): Step => ({ check, do: 'take', slot, expected }),
    pass = (check: string, slot: number, to: number, expected: number = ok): Step => ({ check, do: 'pass', slot, to, expected });
  const count = (check: string, key: number, n: number, who?: 'bert'): Step => ({ check, do: 'COUNT', key, expected: ok, count: n, who }),
    does = (check: string, what: Request, key: number, expected: number = ok): Step => ({ check, do: what, key, expected });
  const ups = (check: string, slot: number, n: number): Step[] => Array.from({ length: n }, () => up(check, slot)),
    n = random.between(3, 9);
  return [
    world(first, 'keys are lent',
      [
        lend('lends', one, 1), up('lends', 1), lend('lends', second, 2), up('lends', 2), lend('lends', third, 3, 'bert'), up('lends', 3),
        lend('lends', one, 4, 'bert'), up('lends', 4), on('lends', one, 5), up('lends', 5), lend('lends', 0, 6), lend('lends', keys - 1, 7),
        up('lends', 6), up('lends', 7)
      ]),
    world(first, 'uses are counted',
      [
        count('counts', one, 0), lend('counts', one, 1), ...ups('counts', 1, n), lend('counts', second, 2), ...ups('counts', 2, 2),
        count('counts', one, n), count('counts', one, 0), count('counts', second, 2, 'bert'), count('counts', third, 0),
        ...ups('counts', 1, 1), count('counts', one, 1), count('counts', second, 0)
      ]),
    world(first, 'the rights of a key',
      [
        lend('rights', one, 1), take('rights', 1), on('rights', second, 2), take('rights', 2), pass('rights', 1, 11, badRights),
        up('rights', 11, badCap), pass('rights', 2, 12), up('rights', 12), take('rights', 12), pass('rights', 12, 13), up('rights', 13),
        count('rights', second, 2), count('rights', one, 0)
      ]),
    world(first, 'keys are taken back',
      [
        lend('revokes', one, 1), on('revokes', one, 2), pass('revokes', 2, 12), pass('revokes', 12, 13), lend('revokes', second, 3),
        lend('revokes', one, 4, 'bert'), up('revokes', 13), does('revokes', 'REVOKE', one),
        ...[1, 2, 12, 13, 4].map((s) => up('revokes', s, badCap)), up('revokes', 3), count('revokes', one, 1), count('revokes', second, 1)
      ]),
    world(first, 'a key that was taken back',
      [
        on('again', one, 1), does('again', 'REVOKE', one), up('again', 1, badCap), does('again', 'REVOKE', one), lend('again', one, 1),
        up('again', 1), count('again', one, 1), on('again', one, 2), pass('again', 2, 5), up('again', 5), does('again', 'REVOKE', second),
        up('again', 5), does('again', 'REVOKE', one), up('again', 5, badCap), up('again', 1, badCap)
      ]),
    world(first, 'passing on is over',
      [
        on('weakens', one, 1), pass('weakens', 1, 11), on('weakens', second, 2), lend('weakens', one, 3), does('weakens', 'WEAKEN', one),
        up('weakens', 1), up('weakens', 11), up('weakens', 3), pass('weakens', 1, 14, badRights), pass('weakens', 11, 15, badRights),
        pass('weakens', 2, 16), up('weakens', 16), on('weakens', one, 6), pass('weakens', 6, 17), count('weakens', one, 3)
      ]),
    world(first, 'a new key in the place of an old one',
      [
        on('renews', one, 1), pass('renews', 1, 11), up('renews', 1), up('renews', 1), lend('renews', second, 2), up('renews', 2),
        does('renews', 'RENEW', one), up('renews', 1, badCap), up('renews', 11, badCap), up('renews', 2), count('renews', one, 0),
        lend('renews', one, 3), up('renews', 3), count('renews', one, 1), count('renews', second, 2), does('renews', 'RENEW', one),
        does('renews', 'RENEW', one), up('renews', 3, badCap), lend('renews', one, 4), up('renews', 4)
      ]),
    world(first, 'requests that make no sense',
      [
        ...(['LEND', 'LEND_ON'] as const).map((what): Step => ({ check: 'errors', do: what, key: keys, slot: 1, expected: badArgument })),
        up('errors', 1, badCap),
        ...(['REVOKE', 'COUNT', 'RENEW', 'WEAKEN'] as const).map((what) => does('errors', what, keys + random.between(0, 90), badArgument)),
        does('errors', 'OTHER', 0, badOp), does('errors', 'BEFORE', 0, badOp), does('errors', 'OTHER', keys, badOp), lend('errors', one, 2),
        up('errors', 2), does('errors', 'COUNT', -1, badArgument)
      ]),
  ];
}

const lab: Lab = {
  number: 4, name: '04-capabilities', title: 'Capabilities and revocation', hours: [3, 5], language: 'riscv', files: ['broker.s'],
  checks: [
    {
      id: 'lends', points: 15, title: 'LEND gives a capability that works',
      mistake: 'an item in the reply: flexpage of your selector (selector << 12, plus 8 for a capability, plus rights), and the client\'s '
        + 'selector as destination; the tag says that there is one item'
    },
    {
      id: 'counts', points: 10, title: 'COUNT tells how often a key was used since the last COUNT',
      mistake: 'semaphore.down with clear = 1 and a time-out of 0; a time-out means 0'
    },
    {
      id: 'rights', points: 15, title: 'a borrowed key has just the rights that it was lent with',
      mistake: 'LEND: use; LEND_ON: use and pass on; never control'
    },
    {
      id: 'revokes', points: 20, title: 'REVOKE takes a key from everybody, however they got it, and nothing else',
      mistake: 'task.unmap of your own selector with rights 0 (all) and 0 as second word'
    },
    {
      id: 'again', points: 10, title: 'a key that was taken back can be lent again',
      mistake: 'with 1 as second word of task.unmap you lose the key yourself'
    },
    {
      id: 'weakens', points: 10, title: 'WEAKEN takes the right to pass on, and leaves the use',
      mistake: 'the rights in the flexpage of task.unmap are those that go'
    },
    {
      id: 'renews', points: 10, title: 'RENEW puts a new key in the place of the old one',
      mistake: 'unmap with 1 as second word empties your slot and all that was derived; then make a new semaphore there'
    },
    {
      id: 'exact', points: 5, title: 'an answer has just the words of the table',
      mistake: 'COUNT answers one word, all others none: look at what your answer puts into the tag'
    },
    {
      id: 'errors', points: 5, title: 'requests that make no sense are refused',
      mistake: 'an unknown label: badOp; then a key that there is not (compare without sign): badArgument, without an item'
    },
  ],
  variant: (random) => ({ keys: random.between(3, 6), first: 0x2400 + 16 * random.between(0, 15) }),
  worlds: (variant, random) => worlds(Number(variant['first']), Number(variant['keys']), random),
};
export default lab;
