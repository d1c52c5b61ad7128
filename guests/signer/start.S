/* S mode from here; a Linux Image header for the loader. The user program's code stands in a page of its own. */
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
  addi sp, sp, -112
  sd ra, 0(sp)
  sd s0, 8(sp)
  sd s1, 16(sp)
  sd s2, 24(sp)
  sd s3, 32(sp)
  sd s4, 40(sp)
  sd s5, 48(sp)
  sd s6, 56(sp)
  sd s7, 64(sp)
  sd s8, 72(sp)
  sd s9, 80(sp)
  sd s10, 88(sp)
  sd s11, 96(sp)
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
  ld ra, 0(sp)
  ld s0, 8(sp)
  ld s1, 16(sp)
  ld s2, 24(sp)
  ld s3, 32(sp)
  ld s4, 40(sp)
  ld s5, 48(sp)
  ld s6, 56(sp)
  ld s7, 64(sp)
  ld s8, 72(sp)
  ld s9, 80(sp)
  ld s10, 88(sp)
  ld s11, 96(sp)
  addi sp, sp, 112
  csrr a0, scause
  ret

  .bss
  .balign 16
  .space 8192
stack_end:
