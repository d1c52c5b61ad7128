# Three activities with budgets, and one that takes what is left.
.equ THREAD, 260                # + 0 … 3
.equ CONTEXT, 264               # + 0 … 3
.equ THREAD_UTCB, 0x7e0000      # + 4096 for each

.equ START, 0x2600              # requests to the monitor
.equ WAIT, 0x2601
.equ REPORT, 0x2602

_start:
  mv s0, a0
  ld s1, INFO_UTCB(s0)
  la a0, monitor_name
  call find
  mv s4, a0                     # the monitor
  # Here four threads are to be made.
  mv a0, s4
  li a1, START
  li a2, 0
  call invoke
modes:
  mv a0, s4
  li a1, WAIT
  li a2, 0
  call invoke
  ld s2, U_WORDS+8(s1)          # an activity, or 3: it is over
  li t0, 3
  bltu s2, t0, modes
  sd zero, U_WORDS(s1)
  sd zero, U_WORDS+8(s1)
  sd zero, U_WORDS+16(s1)
  sd zero, U_WORDS+24(s1)
  mv a0, s4
  li a1, REPORT
  li a2, 4
  call invoke
sleep:
  li a0, IPC_RECEIVE
  li a1, 0
  li a2, -1
  li a7, IPC
  ecall
  j sleep

# ---- given: an activity computes, for ever ------------------------------------------------------------------------
activity:
  addi t0, t0, 1
  j activity

monitor_name: .asciz "monitor"
.align 3
activities:                     # budget and period in cycles, of activities 0, 1, 2
  .dword {{budget0}}, {{period0}}
  .dword {{budget1}}, {{period1}}
  .dword {{budget2}}, {{period2}}

# ---- given: what a program in assembly needs -----------------------------------------------------------------------
# s0 = information page, s1 = UTCB (set by _start). Everything but s0 … s11 may change in a call.

invoke:                         # a0: capability, a1: label, a2: words that stand in the UTCB → a0: status
  slli a1, a1, 32
  or a1, a1, a2
  sd a1, U_TAG(s1)
  sd zero, U_MTD(s1)
  mv a1, a0
  li a0, IPC_SEND+IPC_CALL+IPC_RECEIVE
  li a2, -1
  li a7, IPC
  ecall
  ret

find:                           # a0: name, ended by a zero byte → a0: selector, 0 = it was not given
  ld t0, INFO_CAP_COUNT(s0)
  addi t1, s0, INFO_CAPS
find_next:
  beqz t0, find_none
  mv t2, a0
  mv t3, t1
find_letter:
  lbu t4, 0(t2)
  lbu t5, 0(t3)
  bne t4, t5, find_other
  beqz t4, find_it
  addi t2, t2, 1
  addi t3, t3, 1
  j find_letter
find_other:
  addi t1, t1, 32
  addi t0, t0, -1
  j find_next
find_it:
  ld a0, 24(t1)
  ret
find_none:
  li a0, 0
  ret

announce:                       # a0: name of the service, ended by a zero byte; a1: portal → a0: status
  mv s11, ra
  slli a1, a1, 12
  ori a1, a1, 15                # a capability with all its rights, to be passed on
  sd a1, U_ITEMS(s1)
  sd zero, U_ITEMS+8(s1)
  sd zero, U_ITEMS+16(s1)
  sd zero, U_WORDS+8(s1)
  sd zero, U_WORDS+16(s1)
  li t0, 0
  addi t1, s1, U_WORDS+8
announce_letter:
  lbu t2, 0(a0)
  beqz t2, announce_it
  sb t2, 0(t1)
  addi t0, t0, 1
  addi t1, t1, 1
  addi a0, a0, 1
  j announce_letter
announce_it:
  sd t0, U_WORDS(s1)
  la a0, names_text
  call find
  li a1, NAMES_REGISTER
  li a2, 0x103                  # three words, one item
  call invoke
  mv ra, s11
  ret
names_text: .asciz "names"
log_text: .asciz "log"
.align 3
