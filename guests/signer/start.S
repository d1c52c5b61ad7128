/* S mode from here; a Linux Image header for the loader. The user program's code stands in a page of its own. */
#include "callee.S"
  .section .text.start, "ax"
  .globl _start
_start:
  .option push
  .option norvc
  j begin
  .option pop
  .word 0
  .dword 0x200000
  .dword image_size
  .dword 0
  .word 2
  .word 0
  .dword 0
  .ascii "RISCV\0\0\0"
  .ascii "RSC\x05"
  .word 0
begin:
  la sp, stack_end
  la t0, trapped
  csrw stvec, t0
  j main

/* enter_user(pc, sp, a0, satp): enters U mode. At the next trap `trapped` returns to the caller, as if this function returned. */
  .text
  .globl enter_user
enter_user:
  save_callee
  csrw sscratch, sp
  csrw satp, a3
  sfence.vma
  csrw sepc, a0
  li t0, 0x100 /* SPP: user */
  csrc sstatus, t0
  mv sp, a1
  mv a0, a2
  sret

/* The only traps that there are: the user program's. Answers scause. */
  .balign 4
trapped:
  csrr sp, sscratch
  restore_callee
  csrr a0, scause
  ret

  .bss
  .balign 16
  .space 8192
stack_end:
