/**
 * The image around privileged sequences: page tables, trap handlers of M and S mode (which VS mode shares), and the services that a
 * sequence asks M mode for by `ecall`. Every trap and the contents of its trap registers enter a hash (x27).
 *
 *   x24 … x31 belong to the image; a7 is the number of the service wanted, a0 … a2 its arguments
 *   WINDOW     eight pages whose entries sequences change: first stage (tables A) to physical or guest pages, second stage (tables B)
 *   USER_BIT   code in user mode runs at an alias of its address where translation is on, as supervisors cannot execute user pages
 */
import { BASE, ENDING } from './stream.ts';

/** Registers of the hypervisor extension, which QEMU 7.2 gets wrong too often for a comparison. */
export const isHypervisor = (csr: string): boolean => /^(h|vs|mtval2|mtinst)/.test(csr);

export const WINDOW = 0x1_0000_0000;
export const WINDOW_PAGES = 8;
export const USER_BIT = 0x4000_0000;
/** Four pages of memory behind the window: data below `CODE_OFFSET`, then returns. */
export const PAGES = BASE + 0x20_0000;
export const PAGE_COUNT = 4;
const CODE_OFFSET = 2048;
const DATA_WORDS = 8;

/** Page tables; the roots are made for satp, vsatp (Sv39, Sv48, Sv57) and hgatp (Sv39x4, Sv48x4, Sv57x4). */
const TABLES = BASE + 0x21_0000;
export const TABLE_A = TABLES;
export const TABLE_B = TABLES + 0x1000;
const [MIDDLE_A, MIDDLE_B] = [TABLES + 0x2000, TABLES + 0x3000];
export const ROOTS = [TABLES + 0x4000, TABLES + 0x5000, TABLES + 0x6000] as const;
export const GUEST_ROOTS = [TABLES + 0x8000, TABLES + 0xc000, TABLES + 0x1_0000] as const;

export const Service = { U: 0, S: 1, VU: 2, VS: 3, M: 4, setEntry: 16, mprv: 17, protect: 18, leave: 99 } as const;

/** Registers that a sequence starts with, from its data block, in this order. */
export const STARTED = [
  'mie', 'medeleg', 'mideleg', 'mcounteren', 'scounteren', 'hcounteren', 'hedeleg', 'hideleg', 'hie', 'hstatus', 'vsstatus', 'senvcfg'
] as const;
/** Registers that start as zero. */
const CLEARED = [
  'mip', 'mtval', 'mtval2', 'mtinst', 'mscratch', 'sscratch', 'sepc', 'scause', 'stval', 'satp', 'hvip', 'htval', 'htinst', 'hgatp',
  'vsatp', 'vsepc', 'vscause', 'vstval', 'vsscratch', 'pmpcfg0', 'pmpaddr0', 'pmpaddr1'
];
/** Registers that are dumped at the end. */
export const DUMPED = ['mstatus', 'mie', 'mip', 'medeleg', 'mideleg', 'mcounteren', 'mtval', 'mtval2', 'mtinst', 'mscratch', 'sstatus',
  'sie', 'sip', 'sepc', 'scause', 'stval', 'sscratch', 'scounteren', 'senvcfg', 'satp',
  'hstatus', 'hedeleg', 'hideleg', 'hie', 'hip', 'hvip', 'hcounteren', 'htval', 'htinst', 'hgatp', 'vsstatus', 'vsie', 'vsip', 'vsepc',
  'vscause', 'vstval', 'vsscratch', 'vsatp', 'pmpcfg0', 'pmpaddr0', 'pmpaddr1'];
/**
 * Ignored bits, because QEMU 7.2 is wrong about them: it shows no SD in vsstatus, and delegates SGEI though GEILEN is 0 (priv
 * 18.2.2, 3.1.8).
 */
const HIDDEN: Record<string, bigint> = { vsstatus: 1n << 63n, mideleg: 1n << 12n };
/** Reads a register, without those bits; `other` is another free register. */
export const readCsr = (register: string, csr: string, other: string): string =>
  `csrr ${register}, ${csr}; ${visible(register, csr, other)}`;
export function visible(register: string, csr: string, other: string): string {
  const hidden = HIDDEN[csr];
  return hidden === undefined ? 'nop' : `li ${other}, ${~hidden}; and ${register}, ${register}, ${other}`;
}
const FIRST_X = 5;
const LAST_X = 23;
const STARTED_X = 12;

/** Doublewords of a data block: registers of `STARTED`, entries of both tables, x5 … */
export const DATA = STARTED.length + 2 * WINDOW_PAGES + STARTED_X;
export const dumpNames = (hypervisor: boolean): readonly string[] => [
  ...DUMPED.filter((csr) => hypervisor || !isHypervisor(csr)), ...Array.from({ length: LAST_X - FIRST_X + 1 }, (_, i) => `x${i + FIRST_X}`),
  'trap hash',
  ...Array.from({ length: 2 * WINDOW_PAGES }, (_, i) => `entry ${i < WINDOW_PAGES ? 'A' : 'B'}${i % WINDOW_PAGES}`),
  ...Array.from({ length: PAGE_COUNT * DATA_WORDS }, (_, i) => `page ${Math.floor(i / DATA_WORDS)} + ${8 * (i % DATA_WORDS)}`),
];

export const mix = (register: string): string => `xor x27, x27, ${register}; mul x27, x27, x26; srli x24, x27, 31; xor x27, x27, x24`;
const log = (...csrs: string[]): string => csrs.map((csr) => `csrr x29, ${csr}; ${mix('x29')}`).join('\n');
const repeat = (n: number, line: (i: number) => string): string => Array.from({ length: n }, (_, i) => line(i)).join('\n');
const fences = (h: boolean): string => (h ? 'sfence.vma; hfence.vvma; hfence.gvma' : 'sfence.vma');

/** After an exception: a fetch continues at the caller, anything else after its instruction. */
const skip = (csr: string, cause: string): string => `
csrr x28, ${cause}; li x31, 1; beq x28, x31, ${csr}_fetch; li x31, 12; beq x28, x31, ${csr}_fetch; li x31, 20; beq x28, x31, ${csr}_fetch
csrr x28, ${csr}; addi x28, x28, 4; csrw ${csr}, x28; j ${csr}_done
${csr}_fetch: csrw ${csr}, ra
${csr}_done:`;

const machineTrap = (hypervisor: boolean): string => `
.align 2
mtrap: csrr x28, mcause; ${mix('x28')}
bltz x28, minterrupt
${log('mtval', 'mepc', 'mstatus', ...(hypervisor ? ['mtval2', 'mtinst'] : []))}
li x31, 0x20000; csrc mstatus, x31
li x31, 8; blt x28, x31, mskip; li x31, 12; blt x28, x31, service
mskip: ${skip('mepc', 'mcause')}
mret
minterrupt: slli x28, x28, 1; srli x28, x28, 1; li x31, 1; sll x31, x31, x28; csrc mie, x31
${log('mepc')}
mret
service: li x31, ${Service.leave}; beq a7, x31, leave
li x31, ${Service.setEntry}; beq a7, x31, setentry; li x31, ${Service.mprv}; beq a7, x31, mprv; li x31, ${Service.protect}
beq a7, x31, protect
csrr x29, mepc; addi x29, x29, 4; li x31, ${USER_BIT}; not x31, x31; and x29, x29, x31
li x31, 0x1800; csrc mstatus, x31; li x31, ${1n << 39n}; csrc mstatus, x31
li x31, ${Service.M}; beq a7, x31, tomachine
andi x28, a7, 2; beqz x28, host
csrs mstatus, x31; li x31, ${1n << 39n}; csrs mstatus, x31; csrr x28, vsatp; j level
host: csrr x28, satp
level: andi x31, a7, 1; bnez x31, supervisor
srli x28, x28, 60; beqz x28, go; li x31, ${USER_BIT}; or x29, x29, x31; j go
tomachine: li x31, 0x1800; csrs mstatus, x31; j go
supervisor: li x31, 0x800; csrs mstatus, x31
go: csrw mepc, x29; mret
setentry: sd a1, 0(a0); ${fences(hypervisor)}; j mskip
protect: csrw pmpaddr0, a0; csrw pmpaddr1, a2; csrw pmpcfg0, a1; ${fences(hypervisor)}; j mskip
mprv: csrr x25, mepc; csrr x30, mstatus; li x31, 0x20000; csrs mstatus, x31
ld t0, 0(a0); sd t0, 8(a0)
li x31, 0x20000; csrc mstatus, x31
${mix('t0')}
csrw mepc, x25; csrw mstatus, x30; csrr x28, mepc; addi x28, x28, 4; csrw mepc, x28; mret
`;

const supervisorTrap = `
.align 2
strap: csrr x28, scause; ${mix('x28')}
bltz x28, sinterrupt
${log('stval', 'sepc', 'sstatus')}
${skip('sepc', 'scause')}
sret
sinterrupt: slli x28, x28, 1; srli x28, x28, 1; li x31, 1; sll x31, x31, x28; andi x28, x28, 1; beqz x28, guests; csrc sie, x31; j sreturn
guests: csrc hie, x31
sreturn: ${log('sepc')}
sret
`;

const store = (i: number, from: string): string => `${from}; sd x29, ${8 * i}(x31)`;
const leave = (hypervisor: boolean): string => {
  const lines: string[] = [];
  let n = 0;
  for (const csr of DUMPED) if (hypervisor || !isHypervisor(csr)) lines.push(store(n++, readCsr('x29', csr, 'x28')));
  for (let x = FIRST_X; x <= LAST_X; x++) lines.push(store(n++, `mv x29, x${x}`));
  lines.push(store(n++, 'mv x29, x27'));
  for (const table of [TABLE_A, TABLE_B]) {
    lines.push(`li x28, ${table}`);
    for (let i = 0; i < WINDOW_PAGES; i++) lines.push(store(n++, `ld x29, ${8 * i}(x28)`));
  }
  // An entry that matches a part of an access stops M mode too.
  lines.push('csrw pmpcfg0, zero');
  for (let page = 0; page < PAGE_COUNT; page++) {
    lines.push(`li x28, ${PAGES + 4096 * page}`);
    for (let i = 0; i < DATA_WORDS; i++) lines.push(store(n++, `ld x29, ${8 * i}(x28)`));
  }
  return lines.join('\n');
};

/** The image's own code; `h`: with the hypervisor extension. */
export const privilegedFrame = (count: number, passes: number, data: number, hypervisor: boolean): string => `
start: csrr t0, mhartid; bnez t0, sleep
la t0, mtrap; csrw mtvec, t0; la t0, strap; csrw stvec, t0; ${hypervisor ? 'csrw vstvec, t0' : ''}
li t0, 0x2004000; li t1, -1; sd t1, 0(t0)
${hypervisor ? `li t0, ${1n << 61n}; csrw henvcfg, t0` : ''}
li t0, -1; csrw pmpaddr8, t0; li t0, 0x1f; csrw pmpcfg2, t0
li t0, ${passes}; la t1, left; sd t0, 0(t1)
li t0, ${TABLES}; li t1, ${GUEST_ROOTS[2] + 0x4000}
clear: sd zero, 0(t0); addi t0, t0, 8; bltu t0, t1, clear
${tables()}
li t0, ${PAGES}; li t2, 0x8067; li a0, ${PAGES + 4096 * PAGE_COUNT}
returns: li t1, ${CODE_OFFSET}; add a1, t0, t1
fill: sw t2, 0(a1); addi a1, a1, 4; sub a2, a1, t0; srli a2, a2, 12; beqz a2, fill
li t1, 4096; add t0, t0, t1; bltu t0, a0, returns
fence.i
pass: li t0, ${data}; la t1, cursor; sd t0, 0(t1)
la t0, hashes; la t1, output; sd t0, 0(t1)
la t0, first; jr t0
sleep: wfi; j sleep
${machineTrap(hypervisor)}
${supervisorTrap}
.align 2
enter: la x30, cursor; ld x30, 0(x30); li x26, 0x9e3779b97f4a7c15; li x27, 0
li x29, 0x6000; csrw mstatus, x29
${CLEARED.filter((csr) => hypervisor || !isHypervisor(csr)).map((csr) => `csrw ${csr}, zero`).join('\n')}
${STARTED.map((csr, i) => (hypervisor || !isHypervisor(csr) ? `ld x29, ${8 * i}(x30); csrw ${csr}, x29` : '')).join('\n')}
li x28, ${TABLE_A}; li x25, ${TABLE_B}
${repeat(WINDOW_PAGES, (i) => `ld x29, ${8 * (STARTED.length + i)}(x30); sd x29, ${8 * i}(x28)
  ld x29, ${8 * (STARTED.length + WINDOW_PAGES + i)}(x30); sd x29, ${8 * i}(x25)`)}
li x28, ${PAGES}; li x25, 4096
${repeat(PAGE_COUNT, (page) =>
    `${repeat(DATA_WORDS, (i) => `li x29, ${0x0101_0101 * (16 * page + i + 1)}; sd x29, ${8 * i}(x28)`)}\nadd x28, x28, x25`)}
${fences(hypervisor)}
${repeat(STARTED_X, (i) => `ld x${FIRST_X + i}, ${8 * (STARTED.length + 2 * WINDOW_PAGES + i)}(x30)`)}
${repeat(LAST_X - FIRST_X + 1 - STARTED_X, (i) => `li x${FIRST_X + STARTED_X + i}, 0`)}
jr x31
leave: la x31, dump
${leave(hypervisor)}
csrw mie, zero
li x1, 0; li x4, ${dumpNames(hypervisor).length}
mixall: ld x3, 0(x31); xor x1, x1, x3; mul x1, x1, x26; srli x3, x1, 29; xor x1, x1, x3; addi x31, x31, 8; addi x4, x4, -1; bnez x4, mixall
la x2, output; ld x3, 0(x2); sd x1, 0(x3); addi x3, x3, 8; sd x3, 0(x2)
la x2, cursor; ld x3, 0(x2); addi x3, x3, ${8 * DATA}; sd x3, 0(x2)
csrr x28, mepc; addi x28, x28, 4; li x31, ${USER_BIT}; not x31, x31; and x28, x28, x31; jr x28
finish: la t1, left; ld t0, 0(t1); addi t0, t0, -1; sd t0, 0(t1); bnez t0, pass
la a0, hashes; li a1, ${8 * count}; jal ra, send; la a0, dump; li a1, ${8 * dumpNames(hypervisor).length}; jal ra, send
${ENDING}dump: .zero ${8 * dumpNames(hypervisor).length}
hashes: .zero ${8 * count}
first:
`;

/** Stores that build the fixed parts of the page tables: identity for code and tables, its alias for user mode, the path to the window. */
function tables(): string {
  const entry = (table: number, index: number, target: number, flags: number): string =>
    `li t0, ${table + 8 * index}; li t1, ${Math.floor(target / 4) + flags}; sd t1, 0(t0)`;
  const [pointer, supervisor, user] = [0x01, 0xcf, 0xdf];
  const window = WINDOW / 2 ** 30;
  return [
    entry(ROOTS[0], 2, BASE, supervisor), entry(ROOTS[0], 3, BASE, user), entry(ROOTS[0], window, MIDDLE_A, pointer),
    entry(MIDDLE_A, 0, TABLE_A, pointer),
    entry(ROOTS[1], 0, ROOTS[0], pointer), entry(ROOTS[2], 0, ROOTS[1], pointer),
    entry(GUEST_ROOTS[0], 2, BASE, user), entry(GUEST_ROOTS[0], window, MIDDLE_B, pointer), entry(MIDDLE_B, 0, TABLE_B, pointer),
    entry(GUEST_ROOTS[1], 0, GUEST_ROOTS[0], pointer), entry(GUEST_ROOTS[2], 0, GUEST_ROOTS[1], pointer),
  ].join('\n');
}
