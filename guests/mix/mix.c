/*
 * Three guests that do different work, and say how many instructions it took: COMPUTE has the kernels of CoreMark (a list that is
 * sorted and searched, matrices, a state machine over text, a checksum of all) and nothing of the machine; SYSTEM does what a kernel
 * does between two programs (its registers, traps, changes of a page table and fences); DEVICE prints to the serial port as a driver
 * does, status and character, one by one.
 */
#include "say.h"

extern volatile char pages[];

static u16 sum(u16 crc, u32 v) {
  for (int i = 0; i < 32; i++, v >>= 1) crc = (crc >> 1) ^ (((crc ^ v) & 1) ? 0xa001 : 0);
  return crc;
}

#if defined(COMPUTE)
enum { ROUNDS = 60, NODES = 200, SIDE = 24 };
static const char name[] = "compute";
static struct node { struct node *next; int key, value; } nodes[NODES];
static int a[SIDE][SIDE], b[SIDE][SIDE];

static struct node *sorted(struct node *list) { /* insertion, as lists are sorted */
  struct node *out = 0;
  while (list) {
    struct node *n = list, **at = &out;
    list = n->next;
    while (*at && (*at)->key < n->key) at = &(*at)->next;
    n->next = *at;
    *at = n;
  }
  return out;
}
static int words(const char *s) { /* numbers, words and others, by a state machine */
  int state = 0, found = 0;
  for (; *s; s++) {
    int kind = *s >= '0' && *s <= '9' ? 1 : *s == ' ' || *s == ',' ? 0 : 2;
    found += kind != state && state != 0;
    state = kind;
  }
  return found + (state != 0);
}
static u64 work(void) {
  u16 crc = 0;
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < NODES; i++) nodes[i] = (struct node){i + 1 < NODES ? &nodes[i + 1] : 0, (i * 7919 + round * 31) % 1009, i};
    for (struct node *n = sorted(nodes); n; n = n->next) crc = sum(crc, n->key ^ n->value);
    for (int i = 0; i < SIDE; i++) for (int j = 0; j < SIDE; j++) a[i][j] = i * j + round, b[i][j] = i - j + round;
    for (int i = 0; i < SIDE; i++) for (int j = 0; j < SIDE; j++) {
      int s = 0;
      for (int k = 0; k < SIDE; k++) s += a[i][k] * b[k][j];
      crc = sum(crc, s);
    }
    crc = sum(crc, words("5012 T0.3e-1F,+110.700 1.9e8 --12 x35.54400.1.500 end,of,line"));
  }
  return crc;
}
#elif defined(SYSTEM)
enum { ROUNDS = 400 };
static const char name[] = "system";
static u64 root[512] __attribute__((aligned(4096))), middle[512] __attribute__((aligned(4096))), low[512] __attribute__((aligned(4096)));
static u64 traps;
__attribute__((aligned(4), naked)) static void entry(void) { /* each trap: its registers saved and restored, one instruction further */
  __asm__ volatile("csrrw tp, sscratch, tp\n\taddi sp, sp, -32\n\tsd t0, 0(sp)\n\tsd t1, 8(sp)\n\tsd t2, 16(sp)\n\t"
    "csrr t0, scause\n\tcsrr t1, sepc\n\t"
                   "csrr t2, stval\n\taddi t1, t1, 4\n\tcsrw sepc, t1\n\tld t0, 0(sp)\n\tld t1, 8(sp)\n\tld t2, 16(sp)\n\t"
                     "addi sp, sp, 32\n\t"
                   "csrrw tp, sscratch, tp\n\tsret");
}
static u64 work(void) {
  u64 crc = 0;
  __asm__ volatile("csrw stvec, %0" : : "r"(entry));
  root[2] = 2UL << 28 | 0xcf; /* 1 GiB at 0x80000000, to itself */
  root[1] = (u64)middle >> 2 | 1;
  middle[0] = (u64)low >> 2 | 1;
  __asm__ volatile("csrw satp, %0\n\tsfence.vma" : : "r"(8UL << 60 | (u64)root >> 12) : "memory");
  for (int round = 0; round < ROUNDS; round++) {
    u64 status, page = (u64)pages + (round & 15) * 4096;
    __asm__ volatile("csrrci %0, sstatus, 2" : "=r"(status)); /* interrupts off; an entry changes; its fence; as before */
    if (round & 2) low[round & 1] = page >> 2 | 0xc7;
    else { /* the other way in which kernels write their tables */
      u64 old, failed;
      __asm__ volatile("1:\tlr.d %0, (%2)\n\tsc.d %1, %3, (%2)\n\tbnez %1, 1b" : "=&r"(old), "=&r"(failed)
                       : "r"(&low[round & 1]), "r"(page >> 2 | 0xc7) : "memory");
    }
    __asm__ volatile("sfence.vma %0" : : "r"(0x40000000UL + (round & 1) * 4096) : "memory");
    __asm__ volatile("csrs sstatus, %0" : : "r"(status & 2));
    *(volatile u64 *)(0x40000000UL + (round & 1) * 4096) = round;
    __asm__ volatile(".option push\n\t.option norvc\n\tebreak\n\t.option pop" : : : "memory");
    crc = sum(crc, *(volatile u64 *)page);
    traps++;
  }
  return crc;
}
#else
static const char name[] = "device";
#define SERIAL ((volatile unsigned char *)0x10000000)
static u64 work(void) {
  u64 crc = 0;
  const char *s = "mix: a line of text, a character at a time, as the driver of a serial port says it\n";
  for (int round = 0; round < 10; round++) for (const char *c = s; *c; c++) {
    while (!(SERIAL[5] & 0x20));
    SERIAL[0] = *c;
    crc = sum(crc, *c);
  }
  return crc;
}
#endif

void measure(void) {
  u64 from = instructions(), found = work();
  text("mix: "); text(name); text(" took "); number(instructions() - from); text(" instructions, its sum is "); number(found);
  say();
  call(SRST, 0, 0, 0, 0);
}
