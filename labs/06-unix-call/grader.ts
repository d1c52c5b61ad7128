/** Grader of lab 6: processes in RISC-V code make Linux's calls and report the results to the driver. */
import type { Env, Program } from '../../index.ts';
import { Cause, Ops } from '../../microkernel/abi/index.ts';
import { childCode, hear, makeChild, startChild } from '../grading/child.ts';
import { program, type Lab, type World } from '../grading/lab.ts';
import type { Random } from '../grading/random.ts';

const PAGE = 4096, PATIENCE = 20e6, STOPPED = 6;
const READ = 63, WRITE = 64, EXIT = 93, GETPID = 172, BRK = 214;
const NAMES: Readonly<Record<number, string>> = { [READ]: 'read', [WRITE]: 'write', [EXIT]: 'exit', [GETPID]: 'getpid', [BRK]: 'brk' };

interface Layout { readonly base: number; readonly least: number; readonly most: number }
/**
 * A step of a process. put: writes bytes into its memory; load: reports eight bytes; call: a system call. `stops`: it must not return, and
 * this text must be logged.
 */
type Step = {
  readonly check: string; readonly expected?: bigint; readonly stops?: string
} & ({ readonly put: string; readonly at: number } | { readonly load: number } | { readonly nr: number; readonly args: readonly number[] });

function code(steps: readonly Step[]): Uint8Array {
  const texts: string[] = [];
  const lines = steps.map((step, i) => {
    if ('put' in step) {
      texts.push(`text${i}: .byte ${[...new TextEncoder().encode(step.put)].join(', ')}\n.align 3`);
      return `li a0, ${step.at}\n la a1, text${i}\n li a2, ${new TextEncoder().encode(step.put).length}\n call copy\n`
        + ` li a1, 0\n li a0, ${i}\n`
        + ` call tell`;
    }
    if ('load' in step) return `li t0, ${step.load}\n ld a1, 0(t0)\n li a0, ${i}\n call tell`;
    return `${step.args.map((a, k) => `li a${k}, ${a}`).join('\n')}\n li a7, ${step.nr}\n li s2, 0x5afe\n ecall\n mv a1, a0\n mv a2, s2\n`
      + ` li a0, ${i}\n call tell`;
  });
  return childCode(`${lines.join('\n')}\n j end
copy:
  beqz a2, copied
  lbu t0, 0(a1)
  sb t0, 0(a0)
  addi a0, a0, 1
  addi a1, a1, 1
  addi a2, a2, -1
  j copy
copied: ret
.align 3
${texts.join('\n')}`);
}

/** A step as text. */
function asked(step: Step): string {
  const hex = (n: number | bigint): string => `0x${n.toString(16)}`;
  if ('nr' in step) return `${NAMES[step.nr] ?? `call ${step.nr}`}(${step.args.map((a) => (a > 9999 ? hex(a) : a)).join(', ')})`;
  return 'load' in step ? `load at ${hex(step.load)}` : `'${step.put.replace('\n', '\\n')}' into memory at ${hex(step.at)}`;
}

interface Notes { readonly told: Map<string, Map<number, readonly bigint[]>>; readonly stopped: Map<string, boolean> }

const driver = (processes: Readonly<Record<string, readonly Step[]>>, notes: Notes): Program =>
  program('driver', function* (sys, env: Env) {
  for (const [i, [name, steps]] of Object.entries(processes).entries()) {
    const events = { [Cause.syscall]: env.cap(name), [Cause.pageFault]: env.cap(name) },
      child = yield* makeChild(sys, env, code(steps), { name, badge: i + 1, events }), told = new Map<number, readonly bigint[]>();
    notes.told.set(name, told);
    yield* startChild(sys, child);
    yield* hear(sys, 1, PATIENCE, function* (t) { if (t.badge === i + 1) told.set(Number(t.words[0]), t.words); });
    yield* sys.invoke(child.thread, Ops.thread.info);
    notes.stopped.set(name, sys.utcb.word(0) === STOPPED);
  }
});

/** `said`: the expected lines of the log, in order and complete; each with its check. */
function world(name: string, place: Layout, input: string, processes: Readonly<Record<string, readonly Step[]>>,
    said: readonly (readonly [string, string])[]): World {
  const notes: Notes = { told: new Map(), stopped: new Map() };
  return {
    name,
    components: (submission) => ({
      unix: { program: submission.program('unix.ts'), args: { ...place, input }, provides: ['unix'], memory: '2M' },
      driver: {
        program: driver(processes, notes), caps: Object.fromEntries(Object.keys(processes).map((p) => [p, { from: 'unix', label: p }]))
      },
    }),
    judge: (seen, say) => {
      const why = seen.end('unix').why || (notes.told.size === 0 ? seen.why : ''), lines = seen.lines('unix');
      for (const [process, steps] of Object.entries(processes)) for (const [i, step] of steps.entries()) {
        const what = `${process}: ${asked(step)}`,
          told = notes.told.get(process)?.get(i);
        if (step.stops !== undefined) {
          say(step.check, told === undefined && notes.stopped.get(process) === true, `${what} stops the process`,
            told ? 'it went on' : why || 'it is not stopped: no answer, or a wrong one');
          say(step.check, lines.includes(step.stops), `a line of the log: ${step.stops}`, lines.join(' | ') || 'no line');
          continue;
        }
        say(step.check, told !== undefined && (step.expected === undefined || told[1] === step.expected),
          `${what}${step.expected === undefined ? ' comes back' : ` = ${step.expected}`}`,
          told ? String(told[1]) : why || 'it did not come back');
        if ('nr' in step && told)
          say(step.check, told[2] === 0x5afen, `${what} leaves the other registers alone`, `s2 is 0x${told[2]!.toString(16)}`);
      }
      let from = 0;
      for (const [check, line] of said) {
        const at = lines.indexOf(line, from);
        say(check, at >= 0, `a line of the log, after those before it: ${line}`, lines.slice(from).join(' | ') || 'no line');
        if (at >= 0) from = at + 1;
      }
      if (said.length > 0)
        say('lines', lines.length === said.length, `${said.length} lines of the log`, `${lines.length}: ${lines.join(' | ')}`);
    },
  };
}

function worlds(place: Layout, random: Random): World[] {
  const { base } = place, end = base + place.least, top = base + place.most,
    input = `${random.word(9)} ${random.word(9)}\n${random.word(30)}`, bytes = new TextEncoder().encode(input);
  const call = (check: string, expected: number | undefined, nr: number, ...args: number[]): Step => ({
    check, nr, args, expected: expected === undefined ? undefined : BigInt(expected)
  });
  const put = (check: string, at: number, text: string): Step => ({ check, at, put: text });
  const eight = (at: number): bigint =>
    new DataView(Uint8Array.from({ length: 8 }, (_, i) => bytes[at + i] ?? 0).buffer).getBigInt64(0, true);
  const [one, two, three, split] = [random.word(12), random.word(20), random.word(7), random.word(16)] as [string, string, string, string],
    long = random.word(200), edge = base + PAGE - random.between(3, 12);
  const inputAt = base + 64, cross = base + 2 * PAGE - 5, grown = end + 2 * PAGE;
  return [
    world('small calls', place, input, {
      first: [
        call('getpid', 101, GETPID), call('enosys', -38, 4242), call('enosys', -38, 0), call('enosys', -38, 65), call('getpid', 101, GETPID)
      ],
      second: [call('getpid', 102, GETPID), { ...call('exit', undefined, EXIT, 7), stops: 'second: exit 7' }],
      third: [{ ...call('exit', undefined, EXIT, 0x1_02 + random.between(0, 9) * 256), stops: 'third: exit 2' }],
    }, []),
    world('writing', place, input, {
      writer: [
        put('write', base + 8, `${one}\n`), call('write', one.length + 1, WRITE, 1, base + 8, one.length + 1),
        call('write', 0, WRITE, 1, base + 8, 0),
        put('write', edge, `${two}\n${three}\n`),
        call('write', two.length + three.length + 2, WRITE, 1, edge, two.length + three.length + 2),
        put('fds', base + 256, 'oh\n'), call('fds', 3, WRITE, 2, base + 256, 3), call('fds', -9, WRITE, 0, base + 256, 3),
        call('fds', -9, WRITE, 3, base + 256, 3), call('fds', -9, WRITE, 77, base + 256, 3),
        put('lines', base + 512, split), call('lines', 5, WRITE, 1, base + 512, 5), call('lines', 3, WRITE, 2, base + 256, 3),
        call('lines', 11, WRITE, 1, base + 517, 11), put('lines', base + 600, '\n\nx'), call('lines', 3, WRITE, 1, base + 600, 3),
        put('write', base + 1024, `${long}\n`), call('write', 201, WRITE, 1, base + 1024, 201),
      ],
      other: [put('lines', base + 8, 'y\n'), call('lines', 2, WRITE, 1, base + 8, 2)],
    },
    [
      ['write', `writer: ${one}`], ['write', `writer: ${two}`], ['write', `writer: ${three}`], ['fds', 'writer! oh'],
      ['lines', 'writer! oh'], ['lines', `writer: ${split}`], ['lines', 'writer:'], ['write', `writer: x${long}`], ['lines', 'other: y']
    ]),
    world('addresses that are none', place, input, {
      bad: [
        call('efault', -14, WRITE, 1, 0, 4), call('efault', -14, WRITE, 1, 0x10000, 4), call('efault', -14, WRITE, 1, end, 1),
        call('efault', -14, WRITE, 1, end - 4, 8), call('efault', -14, WRITE, 1, base - 1, 4), call('efault', -14, WRITE, 1, base, -1),
        call('efault', -9, WRITE, 5, 0, 4),
        call('efault', -14, READ, 0, base - 8, 16), call('efault', -14, READ, 0, end - 8, 16), call('efault', -14, READ, 0, 8, 1),
        call('efault', Math.min(8, bytes.length), READ, 0, end - 8, 8), put('efault', end - 3, 'ok\n'),
        call('efault', 3, WRITE, 1, end - 3, 3),
      ],
    }, [['efault', 'bad: ok']]),
    world('reading', place, input, {
      reader: [
        call('read', 0, READ, 0, inputAt, 0), call('read', 11, READ, 0, inputAt, 11), { check: 'read', load: inputAt, expected: eight(0) },
        { check: 'read', load: inputAt + 8, expected: eight(8) & 0xffffffn }, call('fds', -9, READ, 1, inputAt, 4),
        call('fds', -9, READ, 9, inputAt, 4),
        call('read', 10, READ, 0, cross, 10), { check: 'read', load: cross - 3, expected: BigInt.asIntN(64, eight(11) << 24n) },
        { check: 'read', load: cross + 3, expected: eight(14) & 0xffffffffffffffn },
        call('read', bytes.length - 21, READ, 0, base + PAGE, 4000), { check: 'read', load: base + PAGE, expected: eight(21) },
        call('read', 0, READ, 0, base, 10),
        put('read', base + 3000, '\n'), call('read', 11, WRITE, 1, inputAt, 11), call('read', 1, WRITE, 1, base + 3000, 1),
      ],
      again: [call('read', 4, READ, 0, base, 4), { check: 'read', load: base, expected: eight(0) & 0xffffffffn }],
    }, [['read', `reader: ${input.slice(0, 11)}`]]),
    world('more and less memory', place, input, {
      grower: [
        call('brk', end, BRK, 0), call('brk', grown, BRK, grown), call('brk', grown, BRK, 0), put('brk', end + PAGE, 'here'),
        { check: 'brk', load: end + PAGE, expected: 0x65726568n }, call('brk', grown, BRK, top + 1), call('brk', grown, BRK, end - 1),
        call('brk', top, BRK, top), { check: 'brk', load: top - 8, expected: 0n },
        call('brk', end + 8, BRK, end + 8), { check: 'brk', load: end, expected: 0n }, call('brk', grown, BRK, grown),
        { check: 'brk', load: end + PAGE, expected: 0n }, call('brk', end, BRK, end),
        { check: 'segv', load: end + PAGE, stops: `grower: segmentation fault at 0x${(end + PAGE).toString(16)}` },
      ],
      above: [
        { check: 'brk', load: end - 8, expected: 0n },
        { check: 'segv', load: end, stops: `above: segmentation fault at 0x${end.toString(16)}` }
      ],
      below: [{ check: 'segv', load: base - 8, stops: `below: segmentation fault at 0x${(base - 8).toString(16)}` }],
    }, []),
  ];
}

const lab: Lab = {
  number: 6, name: '06-unix-call', title: 'One Unix call, end to end', hours: [3, 5], language: 'typescript', files: ['unix.ts'],
  checks: [
    {
      id: 'getpid', points: 5, title: 'getpid answers the number of the process',
      mistake: '100 and the number of the client (client.id), in a0'
    },
    {
      id: 'enosys', points: 10, title: 'a call that there is not answers -ENOSYS',
      mistake: 'a0 = -38 for every number that the table does not have; the process goes on'
    },
    {
      id: 'write', points: 20, title: 'write puts lines into the log and answers how many bytes',
      mistake: 'bytes lie in your own frames: page by page, as a buffer may cross from one into the next'
    },
    {
      id: 'lines', points: 10, title: 'a line may come in pieces, and its pieces belong to one process and one descriptor',
      mistake: 'keep what has no end of line yet for each process and each of descriptors 1 and 2'
    },
    {
      id: 'fds', points: 10, title: 'descriptors 1 and 2 can be written, 0 read, and no others',
      mistake: 'the descriptor is asked about first: EBADF is -9; descriptor 2 is marked with ! in the log'
    },
    {
      id: 'efault', points: 10, title: 'a buffer that is not all of the process\'s memory answers -EFAULT, and nothing is written',
      mistake: 'look at both ends, and at a length below zero, before the first byte'
    },
    {
      id: 'read', points: 15, title: 'read gives the input piece by piece, and 0 at its end',
      mistake: 'each process has a position of its own; pages that were never touched are made for it'
    },
    {
      id: 'brk', points: 10, title: 'brk grows and shrinks the memory; what was given back comes again as zeros',
      mistake: 'unmap whole pages above the new end and forget them; outside of least and most nothing changes and the old end is the '
        + 'answer'
    },
    {
      id: 'segv', points: 5, title: 'an access beyond the memory stops the process, with a line in the log',
      mistake: 'the end is brk, not its page: compare the address'
    },
    {
      id: 'exit', points: 5, title: 'exit stops the process and says its status',
      mistake: 'Resume.stop; of the status the low eight bits count'
    },
  ],
  variant: (random) => ({ base: 0x2000_0000 + random.between(1, 500) * 0x10000, least: 4 * PAGE, most: random.between(8, 16) * PAGE }),
  worlds: (variant, random) => worlds(variant as unknown as Layout, random),
};
export default lab;
