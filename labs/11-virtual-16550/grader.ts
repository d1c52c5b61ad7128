/** Grader of lab 11: guests load from and store to a serial port that exists only in the student's program. */
import { ask, statusName, type Env, type Program } from '../../index.ts';
import { Cause, type Operation } from '../../microkernel/abi/index.ts';
import { guestAct, makeGuest, type Act, type Guest } from '../grading/guest.ts';
import { hex, program, type Lab, type World } from '../grading/lab.ts';
import type { Random } from '../grading/random.ts';

const op = (label: number): Operation => ({ label, in: [], out: [], doc: '' }), OUTPUT = op(0x2800), INPUT = op(0x2801), LINE = op(0x2802),
  OTHER = op(0x28ff);
const NAMES = ['RBR/THR/DLL', 'IER/DLM', 'IIR/FCR', 'LCR', 'MCR', 'LSR', 'MSR', 'SCR'];

type Step = { readonly check: string; readonly guest?: number } & (
  | { readonly act: Act; readonly at: number; readonly value?: number; readonly expected?: number }
  | { readonly input: readonly number[] } | { readonly output: readonly number[] } | { readonly line: number } | { readonly other: true });
interface Got { readonly value?: bigint; readonly intact?: boolean; readonly status?: number; readonly words?: readonly number[] }

const driver = (base: number, steps: readonly Step[], got: Got[]): Program => program('driver', function* (sys, env: Env) {
  const guests: Guest[] = [];
  for (const step of steps) {
    const n = step.guest ?? 0, cap = env.cap(`guest${n}`);
    if ('act' in step) {
      const guest = guests[n] ??= yield* makeGuest(sys, env, { name: `guest${n}`, badge: n + 1, events: { [Cause.guestPageFault]: cap } },
        5e6),
        result = yield* guestAct(sys, env, guest, step.act, BigInt(base + step.at), BigInt(step.value ?? 0));
      got.push(result ? { value: result.value, intact: result.intact } : {});
    } else if ('input' in step) got.push({ status: yield* ask(sys, cap, INPUT, [step.input.length, ...step.input]) });
    else if ('output'
        in step) {
          const status = yield* ask(sys, cap, OUTPUT), n2 = Math.min(63, sys.utcb.word(0));
          got.push({ status, words: status ? [] : Array.from({ length: n2 }, (_, i) => sys.utcb.word(1 + i)) });
        }
    else if ('line' in step) { const status = yield* ask(sys, cap, LINE); got.push({ status, words: [sys.utcb.word(0)] }); }
    else got.push({ status: yield* ask(sys, cap, OTHER) });
  }
});

function told(step: Step): string {
  if ('act' in step) {
    const value = step.act.startsWith('s') || step.act === 'c.sw' ? ` = ${hex(step.value ?? 0)}` : '';
    return `${step.act} ${NAMES[step.at] ?? `register ${step.at}`}${value}${step.guest ? ` of guest ${step.guest}` : ''}`;
  }
  return 'input' in step ? `INPUT ${step.input.map(hex).join(' ')}`
    : 'output' in step ? 'OUTPUT' : 'line' in step ? 'LINE' : 'request 0x28ff';
}
function want(step: Step): { words: string; right: (got: Got) => boolean } {
  if ('act' in step)
    return step.expected === undefined
      ? { words: 'the guest goes on', right: (g) => g.value !== undefined && g.intact === true }
      : {
        words: hex(step.expected),
        right: (g) => g.intact === true && g.value !== undefined
          && BigInt.asUintN(64, g.value) === BigInt.asUintN(64, BigInt(step.expected!))
      };
  if ('input' in step) return { words: 'ok', right: (g) => g.status === 0 };
  if ('output' in step)
    return { words: step.output.map(hex).join(' ') || 'nothing', right: (g) => g.status === 0 && g.words!.join() === step.output.join() };
  if ('line' in step) return { words: String(step.line), right: (g) => g.status === 0 && g.words![0] === step.line };
  return { words: 'badOp', right: (g) => g.status === 4 };
}
const heard = (step: Step, got: Got): string =>
  ('act' in step
    ? (got.value === undefined ? 'the guest did not go on'
      : got.intact ? hex(got.value) : `${hex(got.value)}, and another register has changed`)
    : got.status ? statusName(got.status)
    : got.words?.map(hex).join(' ') || 'nothing');

function world(base: number, name: string, steps: readonly Step[]): World {
  const got: Got[] = [], guests = Math.max(...steps.map((s) => s.guest ?? 0)) + 1;
  return {
    name,
    components: (submission) => ({
      uart: { program: submission.program('uart.ts'), args: { base }, provides: ['uart'] },
      driver: {
        program: driver(base, steps, got),
        caps: Object.fromEntries(Array.from({ length: guests }, (_, g) => [`guest${g}`, { from: 'uart', label: `guest${g}` }])),
        kernelMemory: '2M'
      },
    }),
    judge: (seen, say) => {
      const why = seen.end('uart').why || (got.length === 0 ? seen.why : '');
      steps.forEach((step, i) => {
        const { words, right } = want(step), answer = got[i];
        say(step.check, answer !== undefined && right(answer), `step ${i + 1}, ${told(step)}: ${words}`,
          (answer ? heard(step, answer) : 'nothing') + (why ? ` (${why})` : ''));
      });
    },
  };
}

function worlds(base: number, random: Random): World[] {
  const byte = (): number => random.between(1, 127),
    load = (check: string, at: number, expected: number, act: Act = 'lbu'): Step => ({ check, act, at, expected }),
    store = (check: string, at: number, value: number, act: Act = 'sb'): Step => ({ check, act, at, value });
  const out = (check: string, ...output: number[]): Step => ({ check, output }),
    input = (check: string, ...bytes: number[]): Step => ({ check, input: bytes }),
    line = (check: string, n: number): Step => ({ check, line: n });
  const [first, second, third, fourth] = [byte(), byte(), byte(), byte()], high = random.between(0x80, 0xff),
    many = Array.from({ length: 20 }, byte);
  return [
    world(base, 'output',
      [
        load('output', 5, 0x60), store('output', 0, first), out('output', first), out('output'),
        ...[second, third, fourth].map((x) => store('output', 0, x)), load('output', 5, 0x60), out('output', second, third, fourth),
        store('output', 0, high), out('output', high), store('output', 0, 0), out('output', 0), ...many.map((x) => store('output', 0, x)),
        out('output', ...many)
      ]),
    world(base, 'registers that keep what is stored',
      [
        store('keeps', 7, first), load('keeps', 7, first), store('keeps', 3, 3), load('keeps', 3, 3), store('keeps', 1, 0xff),
        load('keeps', 1, 15), store('keeps', 4, 0xef), load('keeps', 4, 15), load('keeps', 6, 0xb0), load('keeps', 7, first),
        store('keeps', 5, 0), load('keeps', 5, 0x60), store('keeps', 6, 0), load('keeps', 6, 0xb0), load('keeps', 3, 3), out('keeps'),
        store('keeps', 1, 5), load('keeps', 1, 5)
      ]),
    world(base, 'the divisor latch',
      [
        store('latch', 3, 0x83), store('latch', 0, second), store('latch', 1, third), load('latch', 0, second), load('latch', 1, third),
        out('latch'), store('latch', 3, 3), load('latch', 1, 0), store('latch', 0, fourth), out('latch', fourth), store('latch', 3, 0x80),
        load('latch', 0, second), load('latch', 1, third), input('latch', first), load('latch', 0, second), store('latch', 3, 0),
        load('latch', 0, first), load('latch', 3, 0)
      ]),
    world(base, 'input',
      [
        load('input', 5, 0x60), load('input', 0, 0), input('input', first), load('input', 5, 0x61), load('input', 0, first),
        load('input', 5, 0x60), store('input', 2, 1), input('input', second, third, fourth), load('input', 5, 0x61),
        load('input', 0, second), load('input', 0, third), load('input', 5, 0x61), load('input', 0, fourth), load('input', 5, 0x60),
        load('input', 0, 0), input('input', high), load('input', 0, high), input('input', first), input('input', second),
        load('input', 0, first), load('input', 0, second)
      ]),
    world(base, 'too much input',
      [
        input('overrun', first, second), load('overrun', 5, 0x63), load('overrun', 5, 0x61), load('overrun', 0, first),
        load('overrun', 0, 0), store('overrun', 2, 1), input('overrun', ...many.slice(0, 16)), load('overrun', 5, 0x61),
        input('overrun', third), load('overrun', 5, 0x63), ...many.slice(0, 16).map((x) => load('overrun', 0, x)), load('overrun', 5, 0x60),
        input('overrun', fourth), load('overrun', 0, fourth)
      ]),
    world(base, 'FIFOs',
      [
        load('fifo', 2, 1), store('fifo', 2, 1), load('fifo', 2, 0xc1), input('fifo', first, second), store('fifo', 2, 3),
        load('fifo', 5, 0x60), input('fifo', third), load('fifo', 0, third), input('fifo', first, second), store('fifo', 2, 0),
        load('fifo', 5, 0x60), load('fifo', 2, 1), input('fifo', first), store('fifo', 2, 0), load('fifo', 0, first), store('fifo', 2, 1),
        input('fifo', second, third), store('fifo', 2, 1), load('fifo', 0, second)
      ]),
    world(base, 'why it interrupts',
      [line('interrupts', 0), load('interrupts', 2, 1), input('interrupts', first), line('interrupts', 0), load('interrupts', 2, 1),
        store('interrupts', 1, 1), line('interrupts', 1), load('interrupts', 2, 4), line('interrupts', 1), load('interrupts', 0, first),
        line('interrupts', 0), load('interrupts', 2, 1),
      store('interrupts', 1, 2), line('interrupts', 1), load('interrupts', 2, 2), line('interrupts', 0), load('interrupts', 2, 1),
      store('interrupts', 0, second), line('interrupts', 1), load('interrupts', 2, 2), store('interrupts', 1, 2), line('interrupts', 0),
      store('interrupts', 1, 0), store('interrupts', 1, 2), line('interrupts', 1), store('interrupts', 1, 0), line('interrupts', 0),
      store('interrupts', 1, 7), input('interrupts', third, fourth), load('interrupts', 2, 6), load('interrupts', 5, 0x63),
      load('interrupts', 2, 4), load('interrupts', 0, third), load('interrupts', 2, 2), line('interrupts', 0), store('interrupts', 1, 4),
      input('interrupts', third), line('interrupts', 0), input('interrupts', fourth), line('interrupts', 1), load('interrupts', 5, 0x63),
      line('interrupts', 0)]),
    world(base, 'loop',
      [
        store('loop', 4, 0x10), store('loop', 0, first), out('loop'), load('loop', 5, 0x61), load('loop', 0, first), load('loop', 6, 0),
        store('loop', 4, 0x1f), load('loop', 6, 0xf0), store('loop', 4, 0x11), load('loop', 6, 0x20), store('loop', 4, 0x12),
        load('loop', 6, 0x10), store('loop', 4, 0x14), load('loop', 6, 0x40), store('loop', 4, 0x18), load('loop', 6, 0x80),
        load('loop', 4, 0x18), store('loop', 4, 0), load('loop', 6, 0xb0), store('loop', 0, second), out('loop', second)
      ]),
    world(base, 'all kinds of instructions', [
      store('decode', 7, high), load('decode', 7, high), load('decode', 7, high - 256, 'lb'), load('decode', 7, high, 'lhu'),
      load('decode', 7, high, 'lh'), load('decode', 7, high, 'lw'), load('decode', 7, high, 'lwu'), load('decode', 7, high, 'ld'),
      load('decode', 7, high, 'c.lw'), store('decode', 7, 0x1200 + first, 'sh'), load('decode', 7, first),
      store('decode', 7, 0x12345600 + second, 'sw'), load('decode', 7, second), store('decode', 7, 0x3400 + third, 'sd'),
      load('decode', 7, third, 'lb'), store('decode', 7, 0x5600 + fourth, 'c.sw'), load('decode', 7, fourth, 'c.lw'),
      store('decode', 7, 99, 'sb zero'), load('decode', 7, 0), input('decode', first), load('decode', 0, 0, 'lbu zero'),
      load('decode', 5, 0x60), store('decode', 0, second, 'sw'), out('decode', second), input('decode', high),
      load('decode', 0, high - 256, 'lb'), load('decode', 8, 0), store('decode', 8, first), load('decode', 100, 0, 'lw'),
      load('decode', 7, 0),
    ]),
    world(base, 'two guests, and what is refused',
      [
        store('apart', 7, first), { ...store('apart', 7, second), guest: 1 }, load('apart', 7, first),
        { ...load('apart', 7, second), guest: 1 }, store('apart', 0, third), { check: 'apart', guest: 1, output: [] }, out('apart', third),
        { check: 'apart', guest: 1, input: [fourth] }, load('apart', 5, 0x60), { ...load('apart', 0, fourth), guest: 1 },
        { check: 'apart', other: true }
      ]),
  ];
}

const lab: Lab = {
  number: 11, name: '11-virtual-16550', title: 'A virtual 16550', hours: [4, 6], language: 'typescript', files: ['uart.ts'],
  checks: [
    {
      id: 'output', points: 15, title: 'what is stored to THR comes out',
      mistake: 'register 0 with DLAB clear; OUTPUT gives at most 40 bytes and forgets them; LSR says that the transmitter is empty'
    },
    {
      id: 'keeps', points: 10, title: 'registers keep what they can keep',
      mistake: 'IER has four bits, MCR five; LSR and MSR cannot be stored to; MSR is 0xb0'
    },
    {
      id: 'latch', points: 10, title: 'with DLAB set, registers 0 and 1 are the divisor',
      mistake: 'bit 7 of LCR decides at each access; what is received and IER stay as they are'
    },
    {
      id: 'input', points: 15, title: 'what comes in can be read, in order',
      mistake: 'LSR bit 0 says that there is something; reading RBR takes it'
    },
    {
      id: 'overrun', points: 10, title: 'too much input is lost, and LSR says so once',
      mistake: 'one byte without FIFO, sixteen with; the new byte is lost; bit 1 of LSR goes when LSR was read'
    },
    {
      id: 'fifo', points: 10, title: 'FCR turns the FIFO on and off and clears it',
      mistake: 'turning it on or off clears it, writing the same again does not; IIR shows 0xc0'
    },
    {
      id: 'interrupts', points: 10, title: 'IIR tells the most urgent reason, LINE whether there is one',
      mistake: 'line status 6, received data 4, transmitter empty 2, none 1; only reasons that IER allows; reading IIR takes away reason 2 '
        + 'and no other'
    },
    {
      id: 'loop', points: 5, title: 'loop mode turns what is sent around',
      mistake: 'MCR bit 4: bytes go to the receiver, and MSR shows RTS, DTR, OUT1, OUT2 of MCR'
    },
    {
      id: 'decode', points: 10, title: 'every load and store works',
      mistake: 'size and sign stand in funct3; bit 1 of htinst clear means a compressed instruction of two bytes; x0 is never written, and '
        + 'the access happens all the same'
    },
    { id: 'apart', points: 5, title: 'each guest has its own', mistake: 'state belongs to the session; another request answers badOp' },
  ],
  variant: (random) => ({ base: 0x1000_0000 + random.between(0, 200) * 0x1000 }),
  worlds: (variant, random) => worlds(Number(variant['base']), random),
};
export default lab;
