/** Grader of lab 12: guests call the student's firmware; a model computes the expected answers. */
import type { Env, Program } from '../../index.ts';
import { Cause } from '../../microkernel/abi/index.ts';
import { guestAct, makeGuest, type Guest } from '../grading/guest.ts';
import { program, type Lab, type World } from '../grading/lab.ts';
import type { Random } from '../grading/random.ts';

const BASE = 0x10, PUTCHAR = 1, FAILED = -1n, NOT_SUPPORTED = -2n, INVALID = -3n, MOST = 64;
const FUNCTIONS = ['PUT', 'GET', 'LEVEL', 'PEEK', 'CLEAR'];

interface Numbers { readonly size: number; readonly eid: number; readonly impl: number }
interface Step { readonly check: string; readonly eid: number; readonly fid: number; readonly arg: bigint; readonly guest: number }
interface Got { readonly error: bigint; readonly value: bigint; readonly intact: boolean }

class Model {
  private readonly queues = new Map<number, bigint[]>();
  private readonly lines = new Map<number, number[]>();
  /** The output to the log, piece by piece. */
  said = '';
  private readonly n: Numbers;
  constructor(n: Numbers) { this.n = n; }
  /** `value` undefined: the old call leaves a1 as it was. */
  call({ eid, fid, arg, guest }: Step): { error: bigint; value?: bigint } {
    const ok = (value: bigint): { error: bigint; value: bigint } => ({ error: 0n, value }),
      bad = (error: bigint): { error: bigint; value: bigint } => ({ error, value: 0n });
    if (eid === PUTCHAR) { this.put(guest, Number(arg & 255n)); return { error: 0n }; }
    if (eid === BASE)
      return fid === 3 ? ok([BASE, PUTCHAR, this.n.eid].map(BigInt).includes(arg) ? 1n : 0n)
        : fid <= 6 ? ok([0x2000000n, BigInt(this.n.impl), 7n, 0n, 0n, 0n, 0n][fid]!)
        : bad(NOT_SUPPORTED);
    if (eid !== this.n.eid) return bad(NOT_SUPPORTED);
    const queue = this.queues.get(guest) ?? [];
    this.queues.set(guest, queue);
    switch (fid) {
      case 0: if (queue.length === this.n.size) return bad(FAILED); queue.push(arg); return ok(0n);
      case 1: return queue.length === 0 ? bad(FAILED) : ok(queue.shift()!);
      case 2: return ok(BigInt(queue.length));
      case 3: return arg >= 0n && arg < BigInt(queue.length) ? ok(queue[Number(arg)]!) : bad(INVALID);
      case 4: return ok(BigInt(queue.splice(0).length));
      default: return bad(NOT_SUPPORTED);
    }
  }
  private put(guest: number, letter: number): void {
    const line = this.lines.get(guest) ?? [];
    this.lines.set(guest, line);
    line.push(letter);
    if (letter === 10 || line.length === MOST) this.said += String.fromCharCode(...line.splice(0));
  }
}

const driver = (steps: readonly Step[], got: (Got | undefined)[]): Program => program('driver', function* (sys, env: Env) {
  const guests: Guest[] = [];
  for (const step of steps) {
    const guest = guests[step.guest] ??= yield* makeGuest(sys, env,
      { name: `guest${step.guest}`, badge: step.guest + 1, events: { [Cause.sbi]: env.cap(`guest${step.guest}`) } }, 5e6),
      result = yield* guestAct(sys, env, guest, 'sbi', step.arg, 0xa1n, step.eid, step.fid);
    got.push(result && { error: result.value, value: result.second, intact: result.intact });
  }
});

const functionOf = ({ eid, fid }: Step, n: Numbers): string =>
  (eid === n.eid ? `${FUNCTIONS[fid] ?? `function ${fid}`} of your extension` : eid === BASE ? `base, function ${fid}`
    : eid === PUTCHAR ? 'putchar' : `extension 0x${eid.toString(16)}, function ${fid}`);
const told = (s: Step, n: Numbers): string =>
  `${functionOf(s, n)} (0x${BigInt.asUintN(64, s.arg).toString(16)}) of guest ${s.guest}`;
const pair = (error: bigint, value: bigint): string =>
  `error ${error}, value ${value < 0n || value > 9999n ? `0x${BigInt.asUintN(64, value).toString(16)}` : value}`;

function world(name: string, n: Numbers, steps: readonly Step[]): World {
  const got: (Got | undefined)[] = [], guests = Math.max(...steps.map((s) => s.guest)) + 1;
  return {
    name, budget: 4e7,
    components: (submission) => ({
      firmware: { program: submission.program('firmware.s'), provides: ['firmware'] },
      driver: {
        program: driver(steps, got),
        caps: Object.fromEntries(Array.from({ length: guests }, (_, g) => [`guest${g}`, { from: 'firmware', label: `guest${g}` }])),
        kernelMemory: '2M'
      },
    }),
    judge: (seen, say) => {
      const model = new Model(n), why = seen.lines('roottask').find((l) => l.includes('firmware')) ?? '';
      steps.forEach((step, i) => {
        const { error, value = 0xa1n } = model.call(step), answer = got[i];
        say(step.check, answer !== undefined && answer.error === error && answer.value === value && answer.intact,
          `step ${i + 1}, ${told(step, n)}: ${pair(error, value)}`,
          answer ? `${pair(answer.error, answer.value)}${answer.intact ? '' : ', and another register has changed'}`
            : `the guest did not go on ${why}`);
      });
      const lines = seen.lines('firmware'), expected = model.said.split('\n').slice(0, -1).map((l) => l.trimEnd());
      if (steps.some((s) => s.eid === PUTCHAR))
        say('console', lines.join('\n') === expected.join('\n'), `lines of the log: ${expected.join(' | ')}`,
          lines.join(' | ') || 'no line');
    },
  };
}

function worlds(n: Numbers, random: Random): World[] {
  const { size, eid } = n, word = (): bigint => (BigInt(random.next()) << 31n) ^ BigInt(random.next()),
    call = (check: string, e: number, fid: number, arg: bigint
      | number = 0n, guest = 0): Step => ({ check, eid: e, fid, arg: BigInt(arg), guest });
  const put = (check: string, guest = 0): Step => call(check, eid, 0, word(), guest),
    get = (check: string, guest = 0): Step => call(check, eid, 1, 0n, guest),
    level = (check: string, guest = 0): Step => call(check, eid, 2, 0n, guest),
    peek = (check: string, i: number, guest = 0): Step => call(check, eid, 3, i, guest),
    clear = (check: string, guest = 0): Step => call(check, eid, 4, 0n, guest);
  const text = (t: string, guest = 0): Step[] => [...t].map((c) =>
    call('console', PUTCHAR, random.between(0, 5), c.charCodeAt(0) + 256 * random.between(0, 3), guest)),
    times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);
  return [
    world('the base extension', n,
      [
        ...[0, 1, 2, 4, 5, 6].map((f) => call('base', BASE, f, word())), call('base', BASE, 7), call('base', BASE, 0x1000),
        ...[BASE, eid, PUTCHAR].map((e) => call('probe', BASE, 3, e)),
        ...[0, 2, eid + 1, eid - 1, 0x54494d45, -1].map((e) => call('probe', BASE, 3, e)),
        call('probe', BASE, 3, BigInt(eid) + (1n << 32n)), call('base', BASE, 0)
      ]),
    world('what there is not', n,
      [
        call('unknown', 0, 0), call('unknown', 2, 0), call('unknown', eid + 1, 0, word()), call('unknown', eid, 5, word()),
        call('unknown', eid, 77), call('unknown', eid, -1), call('unknown', 0x735049, 0), call('unknown', BASE + 1, 0),
        call('unknown', -1, 1)
      ]),
    world('a queue', n,
      [
        level('queue'), put('queue'), level('queue'), get('queue'), level('queue'), put('queue'), put('queue'), get('queue'), put('queue'),
        get('queue'), get('queue'), ...times(3 * size, () => [put('queue'), put('queue'), get('queue'), get('queue')]).flat(),
        level('queue')
      ]),
    world('full and empty', n,
      [
        get('full'), ...times(size, () => put('full')), level('full'), put('full'), put('full'), level('full'),
        ...times(size, () => get('full')), get('full'), level('full'), put('full'), get('full'), get('full')
      ]),
    world('peek and clear', n,
      [
        peek('peek', 0), put('peek'), put('peek'), get('peek'), put('peek'), peek('peek', 0), peek('peek', 1), peek('peek', 2),
        peek('peek', -1), ...times(size - 2, () => put('peek')), ...times(size + 1, () => 0).map((_, i) => peek('peek', i)), level('peek'),
        clear('peek'), level('peek'), peek('peek', 0), get('peek'), clear('peek'), ...times(size, () => put('peek')), put('peek'),
        peek('peek', size - 1)
      ]),
    world('a console', n,
      [
        ...text('hello\n'), ...text('\n'), ...text(`${random.word(12)} ${random.word(3)}\n`), ...text(random.word(MOST + 5)),
        ...text('\nend\n'), ...text(random.word(MOST * 2 + 3)), ...text('.\n'), call('console', BASE, 0), ...text('half')
      ]),
    world('several guests', n,
      [
        put('guests'), { ...put('guests', 1) }, put('guests', 2), level('guests'), get('guests', 1), level('guests', 1), level('guests'),
        get('guests', 2), get('guests'), ...times(size, () => put('guests', 1)), put('guests'), put('guests', 1), get('guests', 2),
        get('guests'), ...text('on', 0), ...text('two\n', 1), ...text('e\n', 0)
      ]),
  ];
}

const lab: Lab = {
  number: 12, name: '12-sbi-extension', title: 'An SBI extension', hours: [3, 5], language: 'riscv', files: ['firmware.s'],
  checks: [
    {
      id: 'base', points: 15, title: 'the base extension tells versions',
      mistake: 'EID 0x10 in a7, function in a6: a0 = 0 and the value in a1; functions above 6 are not there'
    },
    {
      id: 'probe', points: 10, title: 'probe_extension knows what there is',
      mistake: '1 for the base, for the old putchar and for yours, 0 for anything else; compare all 64 bits'
    },
    { id: 'unknown', points: 10, title: 'what there is not is not supported', mistake: 'a0 = -2, a1 = 0, and the guest goes on' },
    {
      id: 'queue', points: 20, title: 'PUT, GET and LEVEL: a queue',
      mistake: 'a ring: the place of a new word is the oldest place plus the count, modulo the size'
    },
    { id: 'full', points: 10, title: 'a full queue takes nothing, an empty one gives nothing', mistake: 'a0 = -1, and nothing changes' },
    {
      id: 'peek', points: 10, title: 'PEEK looks, CLEAR forgets',
      mistake: 'counted from the oldest; a place that is not taken (compare without sign) is -3; CLEAR answers how many there were'
    },
    {
      id: 'console', points: 15, title: 'the old putchar collects lines for the log',
      mistake: 'the low byte of a0; a line goes out with its end, or when it has 64 letters; a1 stays as it was'
    },
    {
      id: 'guests', points: 10, title: 'each guest has its own queue and line',
      mistake: 'the badge of the event (a1 after the call) is the number of the guest'
    },
  ],
  variant: (random) => {
    const size = random.between(4, 9);
    return {
      size, eid: 0x0900_0000 + random.between(1, 0xffff), impl: random.between(100, 999), line: 16 + 8 * size, guest: 16 + 8 * size + 80
    };
  },
  worlds: (variant, random) => worlds(variant as unknown as Numbers, random),
};
export default lab;
