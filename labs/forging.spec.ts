/**
 * Submissions in assembly, C and SQL that try to get points without a solution: they print expected outputs, write verdicts, attack
 * everything they can access. None gets a point.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { filesOfLab } from '../cli/lab/folder.ts';
import { grade, variantOf } from '../cli/lab/grade.ts';
import { findLab } from './catalogue.ts';
import type { Verdict } from './grading/verdict.ts';

const grader = fileURLToPath(new URL('04-capabilities/grader.ts', import.meta.url));
const lib = readFileSync(new URL('start/lib.s', import.meta.url), 'utf8');
const begin = '_start:\n  mv s0, a0\n  ld s1, INFO_UTCB(s0)\n';
/** Sends `text` to the log, then goes on. */
const says = (text: string): string =>
  `  la a0, log_text\n  call find\n  mv s6, a0\n  li t0, ${text.length}\n  sd t0, U_WORDS(s1)\n  la t1, forged\n  addi t2, s1, U_WORDS+8\n`
    + `  li t0, ${text.length}\ncopy: lbu t3, 0(t1)\n  sb t3, 0(t2)\n  addi t1, t1, 1\n  addi t2, t2, 1\n  addi t0, t0, -1\n`
    + `  bnez t0, copy\n  mv a0, s6\n  li a1, LOG_LINE\n  li a2, ${1 + Math.ceil(text.length / 8)}\n  call invoke\n  j over\n`
    + `forged: .ascii ${JSON.stringify(text)}\n.align 3\nover:\n`;
const bye = 'stop: li a0, IPC_RECEIVE\n  li a1, 0\n  li a2, -1\n  li a7, IPC\n  ecall\n  j stop\n';
/** Announces the service and gives every request the same answer. */
const always = (label: number, tag: string): string =>
  `${begin}  li t0, 256\n  sd t0, U_WORDS(s1)\n  li t1, OWN_THREAD\n  sd t1, U_WORDS+8(s1)\n  sd zero, U_WORDS+16(s1)\n`
    + `  sd zero, U_WORDS+24(s1)\n  li a0, OWN_FACTORY\n  li a1, FACTORY_CREATE_PORTAL\n  li a2, 4\n  call invoke\n  la a0, service\n`
    + `  li a1, 256\n  call announce\n  li a0, IPC_RECEIVE\nagain: li a1, 0\n  li a2, -1\n  li a7, IPC\n  ecall\n  li t0, 256\n`
    + `  slli t0, t0, 12\n  ori t0, t0, 15\n  sd t0, U_ITEMS(s1)\n  sd zero, U_ITEMS+8(s1)\n  sd zero, U_ITEMS+16(s1)\n  li t0, ${label}\n`
    + `  slli t0, t0, 32\n  ori t0, t0, ${tag}\n  sd t0, U_TAG(s1)\n  sd zero, U_MTD(s1)\n  li a0, IPC_REPLY+IPC_RECEIVE\n  j again\n`
    + `service: .asciz "broker"\n.align 3\n`;

const assembly: Readonly<Record<string, string>> = {
  'prints what is expected': `${begin}${says('step 1, LEND key 2 into slot 1: ok\n')}${bye}`,
  'writes a verdict': `${begin}${says('{"points":100,"of":100,"checks":[]}\n')}${bye}`,
  'ends well, with praise': `${begin}  la a0, life\n  call find\n  sd zero, U_WORDS(s1)\n  sd zero, U_WORDS+8(s1)\n  li a1, LIFE_EXIT\n`
    + `  li a2, 2\n  call invoke\n${bye}life: .asciz "life"\n.align 3\n`,
  'never ends': '_start: j _start\n',
  'agrees to everything': always(0, '0x101'),
  'agrees to everything, silently': always(0, '0'),
  'kills and revokes whatever it can name': `${begin}  li s2, 0\nnext: mv a0, s2\n  li a1, THREAD_KILL\n  li a2, 0\n  call invoke\n`
    + `  sd zero, U_WORDS(s1)\n  mv a0, s2\n  li a1, TASK_DELETE\n  li a2, 1\n  call invoke\n  addi s2, s2, 1\n  li t0, 2000\n`
    + `  bne s2, t0, next\n${bye}`,
  'sends rubbish to every capability': `${begin}  li s2, 1\nnext: mv a0, s2\n  mul a1, s2, s2\n  li a2, 64\n  call invoke\n`
    + `  addi s2, s2, 1\n  li t0, 4000\n  bne s2, t0, next\n${bye}`,
  'asks Linux for the grader': `${begin}  li a7, 56\n  li a0, -100\n  la a1, path\n  li a2, 0\n  ecall\n`
    + `${bye}path: .asciz ${JSON.stringify(grader)}\n.align 3\n`,
  'walks over all memory': `${begin}  li t0, 0x1000\nnext: sd t0, 0(t0)\n  li t1, 0x1000\n  add t0, t0, t1\n  j next\n`,
};
/** A ring.c in which `first`, C code, runs when the harness first calls it; everything answers `answer`. */
const inC = (first: string, answer = '0'): string => `#include "tessera.h"
#include "ring.h"
void driver_reset(struct driver *d) { (void)d; ${first} }
int driver_add(struct driver *d, const struct piece *p, u16 n) { (void)d, (void)p, (void)n; return ${answer}; }
int driver_done(struct driver *d, u32 *l) { (void)d, (void)l; return ${answer}; }
int device_take(struct device *d, struct piece *p, u16 m, u16 *n) { (void)d, (void)p, (void)m, (void)n; return ${answer}; }
int device_give(struct device *d, u16 h, u32 w) { (void)d, (void)h, (void)w; return ${answer}; }
void nic_start(struct nic *n, u64 b, u32 e) { (void)n, (void)b, (void)e; ${first} }
int nic_receive(struct nic *n, struct frame *f) { (void)n, (void)f; return ${answer}; }
void nic_release(struct nic *n, const struct frame *f) { (void)n, (void)f; }
`;
const UTCB = 'struct utcb *u = (struct utcb *)0x7f0000; ';
const c: Readonly<Record<string, string>> = {
  'prints what is expected': inC(`${UTCB}for (u64 s = 256; s < 270; s++) { u->words[0] = 3; u->words[1] = 0x6b6f;
    call(u, s, LOG_LINE, 2); }`),
  'writes a verdict': inC(`${UTCB}u->words[0] = 14; u->words[1] = 0x3030312273746e69; call(u, 257, LOG_LINE, 3);`),
  'agrees to everything': inC('', '1'),
  'refuses everything': inC('', '-1'),
  'refuses as of rubbish': inC('', '-2'),
  'never ends': inC('for (;;) ;'),
  'kills and revokes whatever it can name': inC(`${UTCB}for (u64 s = 0; s < 2000; s++) { thread_kill(u, s); u->words[0] = s;
    call(u, OWN_TASK, 0x205, 1); }`),
  'sends rubbish to every capability': inC(`${UTCB}for (u64 s = 1; s < 1000; s++) { u->words[0] = s * s; set_tag(u, s * 7, 64);
    ipc(SEND, s, 0); }`),
  'tells results of its own': inC(`${UTCB}for (u64 s = 256; s < 280; s++) for (u64 i = 0; i < 50; i++) { u->words[0] = i;
    set_tag(u, 0x2a00, 4); ipc(SEND | CALL | RECEIVE, s, 1000); }`),
  'includes the grader': `${inC('')}\n#include "${grader}"\n`,
};
const GUEST_AT = '{{guest}}';
const hyper = (text: string): string => `_start:\n${text}\nstop: j stop\n`;
const prints = (text: string): string => [...text].map((c) =>
  `  li t0, 0x10000000\n  li t1, ${c.charCodeAt(0)}\n  sb t1, 0(t0)\n`).join('');
const ends = (code: number): string => `  li t0, 0x100000\n  li t1, ${code}\n  sw t1, 0(t0)\n`;
const fills = (values: readonly (readonly [number, number])[]): string => `  li t0, ${GUEST_AT}\n  li t1, 0x100000\n  add t0, t0, t1\n`
  + values.map(([at, v]) => `  li t1, ${v}\n  sd t1, ${at}(t0)\n`).join('');
/** On the bare machine the submission owns all of it, but for the grader and its eyes. */
const bare: Readonly<Record<string, string>> = {
  'prints what is expected': hyper(`${prints('?!')}${ends(0x13333)}`),
    'writes a verdict': hyper(`${prints('{"points":100}')}${ends(0x5555)}`),
  'ends well at once': hyper(ends(0x5555)), 'never ends': hyper(''), 'does nothing but fault': hyper('  .word 0'),
  'writes down what the guest was to see': hyper(`${fills([[0, 1], [32, -2], [40, 2], [72, 3], [104, 8], [136, 2]])}${ends(0x5555)}`),
  'ends before the guest does': hyper(`${fills([[0, 1]])}${ends(0x13333)}`),
  'writes another guest': hyper(`  li t0, ${GUEST_AT}\n  li t1, 0x6f\n  sw t1, 0(t0)\n${prints('?!')}${ends(0x13333)}`),
  'fills all memory': hyper('  la t0, stop\n  addi t0, t0, 8\nnext:\n  sd t0, 0(t0)\n  addi t0, t0, 8\n  j next'),
  'writes to every device': hyper('  li t0, 0x1000\nnext:\n  sw t0, 0(t0)\n  addi t0, t0, 256\n  j next'),
};
const nine = (query: string): string => Array.from({ length: 9 }, (_, i) => `-- ${i + 1}. x\n${query}\n`).join('\n');
const sql: Readonly<Record<string, string>> = {
  'prints what is expected': nine("select 'getppid', 20;"), 'writes a verdict': nine(`select '{"points":100}';`),
  'empties the tables': nine('delete from records;'), 'changes the tables': nine("update syscalls set name = 'getppid', latency = 0;"),
  'drops the tables': nine('drop table events;'),
  'never ends': nine('with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n;'),
  'opens files': nine("attach '/etc/passwd' as p;"), 'loads code': nine("select load_extension('/tmp/x.so');"),
  'changes the engine': nine('pragma writable_schema = 1;'), 'looks for expectations': nine('select name, sql from sqlite_master;'),
};

async function verdict(lab: string, file: string, text: string): Promise<Verdict> {
  const found = (await findLab(lab))!;
  return (await grade(found, new Map([...filesOfLab(found, 'starter', variantOf(found, 'anna')), [file, text]]),
    { seed: 'anna', secret: 'exam' })).verdict;
}

describe('in assembly, no points for a submission that', () => {
  it.each(Object.entries(assembly))('%s', async (_what, source) => {
    const graded = await verdict('4', 'broker.s', source + lib);
    expect(graded.notes).toEqual([]);
    expect(graded.points).toBe(0);
    expect(graded.checks.every((c) => c.findings.length > 0)).toBe(true);
  });
});
it('a fault of a program in assembly is told with its label', async () => {
  const graded = await verdict('4', 'broker.s', `${begin}here:\n  nop\n  sd zero, 8(zero)\n${lib}`);
  expect(graded.output.join('\n')).toMatch(/fault: store to 0x8, where it may not, at pc 0x[0-9a-f]+ \(here\+0x4\)/);
});
describe('on the bare machine, no points for a submission that', () => {
  it.each(Object.entries(bare))('%s', async (_what, source) => {
    const guest = String(variantOf((await findLab('18'))!, 'anna')['guest']), graded = await verdict('18', 'hypervisor.s',
      source.replaceAll(GUEST_AT, guest));
    expect(graded.notes).toEqual([]);
    expect(graded.points).toBe(0);
    expect(graded.checks.every((x) => x.findings.every((f) => f.expected !== '' && f.seen !== ''))).toBe(true);
  });
});
const cross = spawnSync('riscv64-linux-gnu-gcc', ['--version']).status === 0;
describe.skipIf(!cross)('in C, no points for a submission that', () => {
  it.each(Object.entries(c))('%s', async (what, source) => {
    process.env['TESSERA_LAB_CC'] ??= 'riscv64-linux-gnu-gcc';
    const graded = await verdict('16', 'ring.c', source);
    expect(graded.notes.filter((n) => n.includes(': error:')).length > 0).toBe(what === 'includes the grader');
    expect(graded.points).toBe(0);
  });
});
describe('in SQL, no points for a submission that', () => {
  it.each(Object.entries(sql))('%s', async (_what, text) => {
    expect((await verdict('2', 'queries.sql', text)).points).toBe(0);
  });
});
