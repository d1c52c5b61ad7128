/*
 * A guest whose exits come in clusters. It repeats and times four of them: the example of Agesen and others (an `in` and five `out`,
 * three of them to port 0x80, which only waits; here the scratch register of the serial port takes the place of that port), claim and
 * completion of an interrupt, reads of four registers of a virtio device, and a burst whose code the guest changes before each run.
 */
#include "say.h"

enum { TIMES = 200, LCR = 3, LSR = 5, SCRATCH = 7, MAGIC = 0x74726976 };
#define SERIAL ((volatile unsigned char *)0x10000000)
#define CLAIM (*(volatile u32 *)0xc201004)
#define VIRTIO ((volatile u32 *)0x10001000)

/* in; out 0x80; (move, move) out; out 0x80; out; out 0x80: six exits, three of them for nothing but time. */
static void out(void) {
  u64 a;
  __asm__ volatile("lbu %0, 3(%1)\n\tsb %0, 7(%1)\n\tmv t1, %0\n\tli t2, 0xc0\n\tsb %0, 3(%1)\n\tsb %0, 7(%1)\n\t"
    "sb %0, 3(%1)\n\tsb %0, 7(%1)"
                   : "=&r"(a) : "r"(SERIAL) : "t1", "t2", "memory");
}
static void claim(void) { u32 source = CLAIM; CLAIM = source; }
static u32 registers(void) { u32 magic = VIRTIO[0]; VIRTIO[1]; VIRTIO[2]; VIRTIO[3]; return magic; }

/* lbu LSR; li a2, N; sb a2, SCRATCH; lbu SCRATCH: it writes N into the code each time. Returns what the last `lbu` read. */
static u64 changed(u64 n) {
  register u64 a0 __asm__("a0") = (u64)SERIAL;
  register u64 a1 __asm__("a1") = n << 20 | 0x00000613; /* addi a2, zero, n */
  __asm__ volatile("la t0, 1f\n\tsw a1, (t0)\n\tfence.i\n\tlbu a2, 5(a0)\n\t.option push\n\t.option norvc\n1:\tli a2, 0\n\t.option pop\n\t"
                   "sb a2, 7(a0)\n\tlbu a0, 7(a0)" : "+r"(a0) : "r"(a1) : "a2", "t0", "memory");
  return a0;
}

void measure(void) {
  u64 from = cycle(), wrong = 0;
  for (int i = 0; i < TIMES; i++) out();
  text("burst: the six of the example take "); number((cycle() - from) / TIMES);
  from = cycle();
  for (int i = 0; i < TIMES; i++) claim();
  text(" cycles, claim and completion "); number((cycle() - from) / TIMES);
  from = cycle();
  for (int i = 0; i < TIMES; i++) if (registers() != MAGIC) wrong++;
  text(", four registers "); number((cycle() - from) / TIMES);
  say();
  for (int i = 0; i < TIMES; i++) if (changed(i & 0xff) != (i & 0xff)) wrong++;
  text("burst: "); number(wrong); text(" of 200 changed bursts went wrong");
  say();
  call(SRST, 0, 0, 0, 0);
}
