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

{{lib}}
