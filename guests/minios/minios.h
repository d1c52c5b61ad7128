/*
 * minios: a small operating system for a RISC-V machine with SBI firmware: console, timer tick, Sv39 paging, processes in user mode that
 * are preempted, isolated and ended when they misbehave. It powers the machine off when its processes have ended and enough ticks
 * have passed.
 *
 *   start.S  entry, trap entry and exit          sbi.c   what the firmware does for us; printing
 *   fdt.c    the device tree                     memory.c  page frames and page tables
 *   process.c  processes and their system calls  main.c  boot, ticks, power-off
 *   user.c   the program the processes run
 *
 * Kernel command line (device tree /chosen/bootargs): ticks=N how long to run, panic=1 to crash instead.
 */
#pragma once
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long i64;

#define read_csr(name) ({ u64 v_; __asm__ volatile("csrr %0, " #name : "=r"(v_)); v_; })
#define write_csr(name, v) __asm__ volatile("csrw " #name ", %0" ::"r"(v) : "memory")
#define set_csr(name, v) __asm__ volatile("csrs " #name ", %0" ::"r"(v) : "memory")
#define clear_csr(name, v) __asm__ volatile("csrc " #name ", %0" ::"r"(v) : "memory")

enum { SSTATUS_SIE = 1 << 1, SSTATUS_SPIE = 1 << 5, SSTATUS_SPP = 1 << 8, SSTATUS_SUM = 1 << 18, SIE_STIE = 1 << 5 };
enum { CAUSE_ECALL_U = 8 };
#define INTERRUPT (1ul << 63)

/* sbi.c */
void print(const char *format, ...);         /* %s %d %x, integers are 64 bits */
void put(const char *bytes, u64 n);
void set_timer(u64 when);                    /* in units of the time CSR */
void power_off(int failed) __attribute__((noreturn));
int start_hart(u64 hart, void *entry, u64 argument);
void stop_hart(void) __attribute__((noreturn));
void panic(const char *why) __attribute__((noreturn));
/* fdt.c */
void read_device_tree(const void *tree);
extern u64 timebase, memory_base, memory_size;
extern int has_sstc, hart_count;
u64 option(const char *name, u64 otherwise); /* NAME=number of the kernel command line */
/* memory.c */
enum { PTE_V = 1, PTE_R = 2, PTE_W = 4, PTE_X = 8, PTE_U = 16, PTE_G = 32, PTE_A = 64, PTE_D = 128 };
void start_memory(void);
void *new_page(void);                        /* zeroed */
u64 *new_space(void);                        /* a root page table with the kernel in it */
void map(u64 *root, u64 va, u64 pa, u64 flags);
void use_space(u64 *root);
extern u64 *kernel_space;
/* process.c */
struct frame { u64 x[32], kernel_sp; };      /* x[0] holds the program counter */
struct process { struct frame frame; const char *name; u64 *space; int alive; u64 slices; };
void create_process(const char *name, u64 argument);
struct process *next_process(void);          /* round robin; null when none is left */
void run_process(struct process *p) __attribute__((noreturn));
struct frame *user_trap(struct frame *frame);
extern u64 switches;
/* main.c */
void tick(void);
void idle(void) __attribute__((noreturn));
extern volatile u64 ticks;
