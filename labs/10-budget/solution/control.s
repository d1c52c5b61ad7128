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
  la s3, activities
  li s2, 0
create:                         # activities 0 … 2
  ld s5, 0(s3)
  ld s6, 8(s3)
  call priority_of
  call make
  addi s3, s3, 16
  addi s2, s2, 1
  li t0, 3
  bltu s2, t0, create
  li s7, 20                     # who takes what is left: no budget
  li s5, 0
  li s6, 0
  call make
  mv a0, s4
  li a1, START
  li a2, 0
  call invoke
modes:
  mv a0, s4
  li a1, WAIT
  li a2, 0
  call invoke
  ld s5, U_WORDS(s1)            # a new budget
  ld s2, U_WORDS+8(s1)          # of this activity; 3: it is over
  li t0, 3
  bgeu s2, t0, over
  la s3, activities
  slli t0, s2, 4
  add s3, s3, t0
  ld s6, 8(s3)
  call priority_of
  sd s7, U_WORDS(s1)
  sd s5, U_WORDS+8(s1)
  sd s6, U_WORDS+16(s1)
  li a0, CONTEXT
  add a0, a0, s2
  li a1, SCHED_CONTEXT_SET
  li a2, 3
  call invoke
  j modes
over:
  li s2, 3
  la s3, used
ask:
  li a0, CONTEXT
  add a0, a0, s2
  li a1, SCHED_CONTEXT_CONSUMED
  li a2, 0
  call invoke
  ld t0, U_WORDS(s1)
  slli t1, s2, 3
  add t1, t1, s3
  sd t0, 0(t1)
  addi s2, s2, -1
  bgez s2, ask
  li s2, 4
  addi t1, s1, U_WORDS
copy:
  ld t0, 0(s3)
  sd t0, 0(t1)
  addi s3, s3, 8
  addi t1, t1, 8
  addi s2, s2, -1
  bnez s2, copy
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

priority_of:                    # s6: period → s7: priority, higher for a shorter period
  li t0, 5000
  divu t0, s6, t0
  li s7, 170
  sub s7, s7, t0
  ret

make:                           # activity s2 with priority s7, budget s5, period s6
  mv s10, ra
  li t0, THREAD
  add t0, t0, s2
  sd t0, U_WORDS(s1)
  li t0, OWN_TASK
  sd t0, U_WORDS+8(s1)
  sd zero, U_WORDS+16(s1)
  slli t1, s2, 12
  li t0, THREAD_UTCB
  add t0, t0, t1
  sd t0, U_WORDS+24(s1)
  sd zero, U_WORDS+32(s1)
  li a0, OWN_FACTORY
  li a1, FACTORY_CREATE_THREAD
  li a2, 5
  call invoke
  li t0, CONTEXT
  add t0, t0, s2
  sd t0, U_WORDS(s1)
  sd s7, U_WORDS+8(s1)
  sd s5, U_WORDS+16(s1)
  sd s6, U_WORDS+24(s1)
  li a0, OWN_FACTORY
  li a1, FACTORY_CREATE_SCHED_CONTEXT
  li a2, 4
  call invoke
  li t0, CONTEXT
  add t0, t0, s2
  sd t0, U_WORDS(s1)
  li a0, THREAD
  add a0, a0, s2
  li a1, THREAD_BIND
  li a2, 1
  call invoke
  la t0, activity
  sd t0, U_WORDS(s1)
  sd zero, U_WORDS+8(s1)
  sd zero, U_WORDS+16(s1)
  li a0, THREAD
  add a0, a0, s2
  li a1, THREAD_START
  li a2, 3
  call invoke
  mv ra, s10
  ret

used: .dword 0, 0, 0, 0

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
