# Firmware for guests: each ecall of a guest arrives as an event. README.md says what the calls do.
.equ SIZE, {{size}}             # words that a queue holds
.equ EXTENSION, {{eid}}         # number of your extension
.equ IMPLEMENTATION, {{impl}}

.equ DOOR, 256                  # the portal of the service
.equ SESSION, 260               # + number of the session: its portal

.equ A0, S_X+80                 # registers of the guest, in the UTCB
.equ A1, S_X+88
.equ A6, S_X+128
.equ A7, S_X+136

.equ NOT_SUPPORTED, -2

_start:
  mv s0, a0
  ld s1, INFO_UTCB(s0)
  la a0, log_text
  call find
  mv s6, a0                     # the log
  li t0, DOOR
  sd t0, U_WORDS(s1)
  li t1, OWN_THREAD
  sd t1, U_WORDS+8(s1)
  sd zero, U_WORDS+16(s1)
  sd zero, U_WORDS+24(s1)
  li a0, OWN_FACTORY
  li a1, FACTORY_CREATE_PORTAL
  li a2, 4
  call invoke
  la a0, service
  li a1, DOOR
  call announce
  li s5, 1                      # number of the next session
  ld s4, INFO_HEAP(s0)          # 64 KiB of zeros: room for what belongs to each guest
  li a0, IPC_RECEIVE
wait:
  li a1, 0
  li a2, -1
  li a7, IPC
  ecall
  bnez a0, wait_only
  ld s3, U_TAG(s1)
  srli s3, s3, 32
  beqz a1, open                 # a1: the guest's number; 0 is the loader at the door
no_such:
  li t0, NOT_SUPPORTED
error:                          # t0: the error
  sd t0, A0(s1)
  sd zero, A1(s1)
  j go
value:                          # t0: the value
  sd t0, A1(s1)
  sd zero, A0(s1)
go:
  sd zero, U_TAG(s1)            # RESUME_GO
  li t0, MTD_ARGS
  sd t0, U_MTD(s1)
  li a0, IPC_REPLY+IPC_RECEIVE
  j wait
wait_only:
  li a0, IPC_RECEIVE
  j wait

open:                           # a client's session: a portal whose label is its number; a0 … a7 come with events
  li t0, SERVICE_SESSION
  bne s3, t0, closed
  li t0, SESSION
  add t0, t0, s5
  sd t0, U_WORDS(s1)
  li t1, OWN_THREAD
  sd t1, U_WORDS+8(s1)
  sd s5, U_WORDS+16(s1)
  li t1, MTD_ARGS
  sd t1, U_WORDS+24(s1)
  li a0, OWN_FACTORY
  li a1, FACTORY_CREATE_PORTAL
  li a2, 4
  call invoke
  li t0, SESSION
  add t0, t0, s5
  slli t0, t0, 12
  ori t0, t0, 13                # a flexpage: a capability (8), to be used (1) and passed on (4)
  sd t0, U_ITEMS(s1)
  sd zero, U_ITEMS+8(s1)
  sd zero, U_ITEMS+16(s1)
  sd s5, U_WORDS(s1)
  addi s5, s5, 1
  li t0, 0x101                  # a word and an item
  sd t0, U_TAG(s1)
  sd zero, U_MTD(s1)
  li a0, IPC_REPLY+IPC_RECEIVE
  j wait
closed:
  sd zero, U_TAG(s1)
  sd zero, U_MTD(s1)
  li a0, IPC_REPLY+IPC_RECEIVE
  j wait

service: .asciz "firmware"
.align 3
{{lib}}
