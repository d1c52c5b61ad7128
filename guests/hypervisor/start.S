# Entry in M mode, the way into a probe and back out of it.
#
# struct frame { u64 a[4]; u64 sp; u64 saved; }: registers a0 … a3 and sp of the probe, in and out; our own sp meanwhile.
#include "callee.S"
.section .text.start
.globl _start
_start:
  csrr t0, mhartid
  bnez t0, park
  la sp, stack_top
  la t0, trap_entry
  csrw mtvec, t0
  csrw mscratch, zero
  la t0, bss_start
  la t1, bss_end
1:
  bgeu t0, t1, 2f
  sd zero, 0(t0)
  addi t0, t0, 8
  j 1b
2:
  call main
  j finish
park:
  wfi
  j park

.text
# void enter(struct frame *): mepc and mstatus are set; returns when something trapped to M mode
.globl enter
enter:
  save_callee
  sd sp, 40(a0)
  csrw mscratch, a0
  mv t0, a0
  ld a0, 0(t0)
  ld a1, 8(t0)
  ld a2, 16(t0)
  ld a3, 24(t0)
  ld sp, 32(t0)
  mret

.balign 4
trap_entry:
  csrrw t0, mscratch, t0
  beqz t0, lost
  sd a0, 0(t0)
  sd a1, 8(t0)
  sd a2, 16(t0)
  sd a3, 24(t0)
  sd sp, 32(t0)
  ld sp, 40(t0)
  csrw mscratch, zero
  li t0, 1 << 17 # MPRV: our own accesses are plain ones
  csrrc t1, mstatus, t0
  la t2, probe_status
  sd t1, 0(t2)
  restore_callee
  ret
# A trap that no probe made: a mistake in the suite itself.
lost:
  la sp, stack_top
  call lost_trap
  j finish

# finish(failures): the test finisher; 0 = pass
.globl finish
finish:
  li t0, 0x100000
  li t1, 0x5555
  beqz a0, 1f
  slli t1, a0, 16
  li t2, 0x3333
  or t1, t1, t2
1:
  sw t1, 0(t0)
  j 1b

.bss
.balign 16
.space 16384
stack_top:
.globl probe_status
.balign 8
probe_status: .space 8
