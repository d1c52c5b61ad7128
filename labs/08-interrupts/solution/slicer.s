# Time slices: two workers that never ask for anything share the processor, because somebody recalls them.
.equ ROUNDS, {{rounds}}         # slices in all
.equ SLICE, {{slice}}           # ns
.equ PRIORITY, {{priority}}     # of the workers

.equ LINE, 256                  # the interrupt: a semaphore that the device signals
.equ WORKER, 260                # + 0, + 1: threads
.equ CONTEXT, 264               # + 0, + 1: their scheduling contexts
.equ EVENTS, 268                # + 0, + 1: portals for their events
.equ KEPT, 272                  # + 0, + 1: the right to let them go on
.equ WORKER_UTCB, 0x7e0000      # + 4096 for the second

.equ ATTACH, 0x2500             # requests to the device
.equ DONE, 0x2501
.equ RESULT, 0x2502

_start:
  mv s0, a0
  ld s1, INFO_UTCB(s0)
  la a0, device_name
  call find
  mv s4, a0                     # the device
  li t0, LINE
  sd t0, U_WORDS(s1)
  slli t0, t0, 12
  ori t0, t0, 15                # a capability, with all its rights, may come there
  sd t0, U_CAP_WINDOW(s1)
  mv a0, s4
  li a1, ATTACH
  li a2, 1
  call invoke
  sd zero, U_CAP_WINDOW(s1)
  li s2, 0
  call make_worker
  li s2, 1
  call make_worker
  li s2, 0
  call stopped                  # both begin with an event
  li s2, 1
  call stopped
  li s2, 0                      # who runs
  li s3, ROUNDS
  li s5, 0                      # interrupts
slice:
  sd zero, U_TAG(s1)            # RESUME_GO: let it go on
  sd zero, U_MTD(s1)
  li a0, IPC_SEND
  li a1, KEPT
  add a1, a1, s2
  li a2, -1
  li a7, IPC
  ecall
  sd zero, U_WORDS(s1)          # wait for the device, at most a slice
  li t0, SEMAPHORE_DOWN
  slli t0, t0, 32
  ori t0, t0, 1
  sd t0, U_TAG(s1)
  li a0, IPC_SEND+IPC_CALL+IPC_RECEIVE
  li a1, LINE
  li a2, SLICE
  li a7, IPC
  ecall
  bnez a0, over
  addi s5, s5, 1
  mv a0, s4
  li a1, DONE
  li a2, 0
  call invoke
over:
  li a0, WORKER
  add a0, a0, s2
  li a1, THREAD_RECALL
  li a2, 0
  call invoke
  call stopped
  xori s2, s2, 1
  addi s3, s3, -1
  bnez s3, slice
  la t0, counters
  ld t1, 0(t0)
  sd t1, U_WORDS(s1)
  ld t1, 8(t0)
  sd t1, U_WORDS+8(s1)
  sd s5, U_WORDS+16(s1)
  mv a0, s4
  li a1, RESULT
  li a2, 3
  call invoke
sleep:
  li a0, IPC_RECEIVE
  li a1, 0
  li a2, -1
  li a7, IPC
  ecall
  j sleep

stopped:                        # waits until worker s2 has stopped, and keeps the right to let it go on
  mv s10, ra
  li a0, IPC_RECEIVE
  li a1, EVENTS
  add a1, a1, s2
  li a2, -1
  li a7, IPC
  ecall
  li t0, KEPT
  add t0, t0, s2
  sd t0, U_WORDS(s1)
  li a0, OWN_THREAD
  li a1, THREAD_KEEP_REPLY
  li a2, 1
  call invoke
  mv ra, s10
  ret

make_worker:                    # worker s2
  mv s10, ra
  li t0, WORKER
  add t0, t0, s2
  sd t0, U_WORDS(s1)
  li t0, OWN_TASK
  sd t0, U_WORDS+8(s1)
  sd zero, U_WORDS+16(s1)
  slli t1, s2, 12
  li t0, WORKER_UTCB
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
  li t0, PRIORITY
  sd t0, U_WORDS+8(s1)
  sd zero, U_WORDS+16(s1)
  sd zero, U_WORDS+24(s1)
  li a0, OWN_FACTORY
  li a1, FACTORY_CREATE_SCHED_CONTEXT
  li a2, 4
  call invoke
  li t0, EVENTS
  add t0, t0, s2
  sd t0, U_WORDS(s1)
  li t0, OWN_THREAD
  sd t0, U_WORDS+8(s1)
  sd s2, U_WORDS+16(s1)
  sd zero, U_WORDS+24(s1)
  li a0, OWN_FACTORY
  li a1, FACTORY_CREATE_PORTAL
  li a2, 4
  call invoke
  li t0, EVENTS
  add t0, t0, s2
  sd t0, U_WORDS(s1)
  li t0, 3                      # startup and recall
  sd t0, U_WORDS+8(s1)
  li a0, WORKER
  add a0, a0, s2
  li a1, THREAD_SET_EVENTS
  li a2, 2
  call invoke
  li t0, CONTEXT
  add t0, t0, s2
  sd t0, U_WORDS(s1)
  li a0, WORKER
  add a0, a0, s2
  li a1, THREAD_BIND
  li a2, 1
  call invoke
  la t0, worker
  sd t0, U_WORDS(s1)
  sd zero, U_WORDS+8(s1)
  la t0, counters
  slli t1, s2, 3
  add t0, t0, t1
  sd t0, U_WORDS+16(s1)
  li a0, WORKER
  add a0, a0, s2
  li a1, THREAD_START
  li a2, 3
  call invoke
  mv ra, s10
  ret

# ---- given: a worker counts, for ever. a0: its counter -------------------------------------------------------------
worker:
  ld t0, 0(a0)
  addi t0, t0, 1
  sd t0, 0(a0)
  j worker

device_name: .asciz "device"
.align 3
counters: .dword 0, 0

{{lib}}
