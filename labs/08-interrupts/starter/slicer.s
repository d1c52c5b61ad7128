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
  # Here two workers are to be made, and slices to be dealt out.
  sd zero, U_WORDS(s1)
  sd zero, U_WORDS+8(s1)
  sd zero, U_WORDS+16(s1)
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
