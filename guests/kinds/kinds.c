/*
 * A guest that sorts instructions as Popek and Goldberg did: each is executed in supervisor mode and in user mode, and what becomes of
 * it is compared. Privileged: it traps in user mode and not in supervisor mode. Sensitive without being privileged: it traps in neither
 * and comes out differently.
 */
#define LINE 256
#include "say.h"

enum { BREAK = 3, MARK = 0x5a, SUM = 1 << 18 };

#define READ(csr) ((u32)(csr) << 20 | 2 << 12 | 10 << 7 | 0x73) /* csrr a0, csr */
#define SET(csr) ((u32)(csr) << 20 | 11 << 15 | 2 << 12 | 0x73) /* csrs csr, a1 */
#define PAIR(name, csr) {"csrr " name, READ(csr)}, {"csrs " name, SET(csr)}
static const struct { const char *name; u32 word; } kinds[] = {
  PAIR("sstatus", 0x100), PAIR("sie", 0x104), PAIR("stvec", 0x105), PAIR("scounteren", 0x106), PAIR("senvcfg", 0x10a),
    PAIR("sscratch", 0x140),
  PAIR("sepc", 0x141), PAIR("scause", 0x142), PAIR("stval", 0x143), PAIR("sip", 0x144), PAIR("stimecmp", 0x14d), PAIR("satp", 0x180),
  {"sret", 0x10200073}, {"sfence.vma", 0x12000073}, {"rdcycle", READ(0xc00)}, {"rdtime", READ(0xc01)}, {"rdinstret", READ(0xc02)},
    {"ecall", 0x73},
  {"csrr mstatus", READ(0x300)}, {"csrr hstatus", READ(0x600)}, {"add", 0x00b50533}, {"auipc", 0x00000517}, {"fence", 0x0ff0000f},
    {"fence.i", 0x100f},
  {"an unknown word", 0xffffffff},
};
enum { KINDS = sizeof kinds / sizeof *kinds };
static u32 slot[2] __attribute__((aligned(8))); /* the instruction, and a breakpoint behind it */
struct outcome { u64 cause, result; };
static u64 saved[16];

/* Runs the slot in supervisor (user = 0) or user mode; a trap leads back here. */
struct outcome trial(u64 user, u64 a1, u32 *code, u64 *save);
__asm__(".text\n\t.balign 4\n\t.globl trial\ntrial:\n\t"
    "sd ra, 0(a3)\n\tsd sp, 8(a3)\n\tsd gp, 16(a3)\n\tsd tp, 24(a3)\n\tsd s0, 32(a3)\n\tsd s1, 40(a3)\n\tsd s2, 48(a3)\n\tmv s2, a3\n\t"
    "la t0, 1f\n\tcsrw stvec, t0\n\tli t1, 0x40120\n\tcsrc sstatus, t1\n\tli t1, 0x20\n\tcsrs sstatus, t1\n\tmv t0, a0\n\tli a0, 0x5a\n\t"
    "bnez t0, 2f\n\tli t1, 0x100\n\tcsrs sstatus, t1\n\taddi t2, a2, 4\n\tcsrw sepc, t2\n\tjr a2\n"
    "2:\tcsrw sepc, a2\n\tsret\n\t"
    ".balign 4\n1:\tmv a1, a0\n\tcsrr t0, sstatus\n\tli t1, 0x40000\n\tand t0, t0, t1\n\tadd a1, a1, t0\n\tcsrc sstatus, t1\n\t"
      "csrr a0, scause\n\t"
    "ld ra, 0(s2)\n\tld sp, 8(s2)\n\tld gp, 16(s2)\n\tld tp, 24(s2)\n\tld s0, 32(s2)\n\tld s1, 40(s2)\n\tld s2, 48(s2)\n\tret\n");
static struct outcome run(u32 word, u64 user) {
  slot[0] = word;
  slot[1] = 0x00100073;
  __asm__ volatile("fence.i" : : : "memory");
  return trial(user, word == SET(0x100) ? SUM : 0, slot, saved);
}

void measure(void) {
  u64 privileged = 0, always = 0, time = 0, plain = 0, sensitive = 0;
  __asm__ volatile("csrw scounteren, %0" : : "r"(7));
  for (int i = 0; i < KINDS; i++) {
    struct outcome s = run(kinds[i].word, 0);
    for (int spin = 0; spin < 100; spin++) __asm__ volatile("nop"); /* longer than a tick of the clock, so that it tells another time */
    struct outcome again = run(kinds[i].word, 0), u = run(kinds[i].word, 1);
    if (s.cause != BREAK) always++;
    else if (u.cause != BREAK) privileged++;
    else if (s.result != again.result) time++;
    else if (s.result == u.result) plain++;
    else {
      sensitive++;
      text("kinds: does not trap, and comes out differently: "); text(kinds[i].name); say();
    }
  }
  text("kinds: "); number(KINDS); text(" instructions: "); number(privileged); text(" trap in user mode alone, "); number(always);
  text(" in both modes, "); number(time); text(" depend on time, "); number(plain); text(" are innocuous, "); number(sensitive);
  text(" are sensitive and do not trap");
  say();
  call(SRST, 0, 0, 0, 0);
}
