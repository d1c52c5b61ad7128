/* riscv-hyp-tests on picolibc: output over the 16550, the end through the test finisher. Stands in for its platform/qemu/retarget_qemu.c. */
#include <stdio.h>
#include "uart8250.h"

static int put(char c, FILE *file) {
  (void)file;
  uart8250_putc(c);
  return c;
}

static FILE console = FDEV_SETUP_STREAM(put, NULL, NULL, _FDEV_SETUP_WRITE);
FILE *const stdin = &console, *const stdout = &console, *const stderr = &console;

void _init(void) { uart8250_init(0x10000000, 1843200, 115200, 0, 1); }

void _exit(int status) {
  (void)status;
  for (;;) *(volatile unsigned *)0x100000 = 0x5555;
}
