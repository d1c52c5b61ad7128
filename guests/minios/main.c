/* Boot, ticks, waiting, power-off. */
#include "minios.h"

volatile u64 ticks;
static u64 wanted, next_tick;
static volatile u64 harts_up = 1;

static u64 time_now(void) { return read_csr(time); }

void tick(void) {
  ticks++;
  next_tick += timebase / 100;
  set_timer(next_tick);
  if (ticks <= wanted) print("minios: tick %d\n", ticks);
}
void kernel_interrupt(void) {
  if (read_csr(scause) != (INTERRUPT | 5)) {
    print("minios: trap %x in the kernel at %x, address %x\n", read_csr(scause), read_csr(sepc), read_csr(stval));
    panic("unexpected trap");
  }
  tick();
}
void idle(void) {
  use_space(kernel_space);
  while (ticks < wanted) {
    __asm__ volatile("wfi");
    set_csr(sstatus, SSTATUS_SIE); /* the interrupt that woke us is taken here */
    clear_csr(sstatus, SSTATUS_SIE);
  }
  print("minios: %d ticks, %d switches, power off\n", ticks, switches);
  power_off(0);
}

void second_main(u64 hart) {
  print("minios: hart %d is up\n", hart);
  __atomic_add_fetch(&harts_up, 1, __ATOMIC_SEQ_CST);
  stop_hart();
}
static void start_others(u64 me) {
  extern char second_start[];
  for (int hart = 0; hart < hart_count; hart++) {
    u64 before = harts_up;
    if ((u64)hart == me || !start_hart(hart, second_start, (u64)new_page() + 4096)) continue;
    while (harts_up == before) {}
  }
}

void kernel_main(u64 hart, const void *tree) {
  read_device_tree(tree);
  print("minios: hart %d, %d MiB at %x, %d hart(s), timer %s\n", hart, memory_size >> 20, memory_base, (u64)hart_count,
    has_sstc ? "stimecmp" : "SBI");
  start_memory();
  start_others(hart);
  if (option("panic", 0)) panic("as asked");
  wanted = option("ticks", 5);
  create_process("alpha", 0);
  create_process("beta", 1);
  create_process("gamma", 2);
  create_process("delta", 3);
  next_tick = time_now() + timebase / 100;
  set_timer(next_tick);
  set_csr(sie, SIE_STIE);
  run_process(next_process());
}
