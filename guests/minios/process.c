/* Processes: user mode at USER_BASE with a stack, one page table each. A tick or a yield gives the next one its turn. */
#include "minios.h"

enum { MAX = 8, USER_BASE = 0x40000000, USER_STACK = 0x40100000, PAGE = 4096 };
enum { CALL_EXIT = 0, CALL_PRINT = 1, CALL_YIELD = 2, CALL_TICKS = 3 };
static struct process table[MAX];
static int count, current;
u64 switches;
extern char user_load[], user_size[], boot_stack_top[];

void create_process(const char *name, u64 argument) {
  struct process *p = &table[count++];
  p->name = name, p->alive = 1, p->space = new_space();
  for (u64 at = 0; at < (u64)user_size; at += PAGE) map(p->space, USER_BASE + at, (u64)user_load + at, PTE_R | PTE_X | PTE_U);
  map(p->space, USER_STACK - PAGE, (u64)new_page(), PTE_R | PTE_W | PTE_U);
  p->frame.x[0] = USER_BASE;
  p->frame.x[2] = USER_STACK;
  p->frame.x[10] = argument;
}
struct process *next_process(void) {
  for (int i = 1; i <= count; i++) {
    struct process *p = &table[(current + i) % count];
    if (p->alive) { current = p - table; return p; }
  }
  return 0;
}
void run_process(struct process *p) {
  extern void enter_user(struct frame *);
  use_space(p->space);
  switches++, p->slices++;
  clear_csr(sstatus, SSTATUS_SPP | SSTATUS_SIE);
  set_csr(sstatus, SSTATUS_SPIE);
  __asm__ volatile("mv sp, %0\n mv a0, %1\n j enter_user" ::"r"(boot_stack_top), "r"(&p->frame) : "memory");
  __builtin_unreachable();
}
static void turn(void) {
  struct process *p = next_process();
  if (p) run_process(p);
  idle();
}
static void end(struct process *p, u64 status) {
  print("minios: process %s exits with %d after %d time slices\n", p->name, status, p->slices);
  p->alive = 0;
  turn();
}
/* Text of the process, read with its own rights: the address must lie in its pages. */
static void print_for(u64 from, u64 n) {
  char line[128];
  if (n > sizeof line) n = sizeof line;
  if (from < USER_BASE || from + n > USER_STACK) return;
  set_csr(sstatus, SSTATUS_SUM);
  for (u64 i = 0; i < n; i++) line[i] = ((char *)from)[i];
  clear_csr(sstatus, SSTATUS_SUM);
  put(line, n);
}
static const char *cause_name(u64 cause) {
  switch (cause) {
    case 2: return "illegal instruction";
    case 12: return "instruction page fault";
    case 13: return "load page fault";
    case 15: return "store page fault";
  }
  return "exception";
}
struct frame *user_trap(struct frame *f) {
  struct process *p = &table[current];
  u64 cause = read_csr(scause);
  if (cause & INTERRUPT) { tick(); turn(); }
  if (cause != CAUSE_ECALL_U) {
    print("minios: process %s: %s at address %x, ended\n", p->name, cause_name(cause), read_csr(stval));
    p->alive = 0;
    turn();
  }
  f->x[0] += 4;
  switch (f->x[17]) {
    case CALL_EXIT: end(p, f->x[10]); break;
    case CALL_PRINT: print_for(f->x[10], f->x[11]); break;
    case CALL_YIELD: turn(); break;
    case CALL_TICKS: f->x[10] = ticks; break;
    default: f->x[10] = -1;
  }
  return f;
}
