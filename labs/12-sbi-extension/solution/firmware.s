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

.equ FAILED, -1
.equ NOT_SUPPORTED, -2
.equ INVALID, -3

# What belongs to a guest, from s2 on: its queue and its line.
.equ COUNT, 0                   # words in the queue
.equ OLDEST, 8                  # place of the oldest
.equ WORDS, 16                  # the ring
.equ LINE, {{line}}                 # length of the line, then its letters
.equ MOST, 64                   # letters that a line has at most
.equ GUEST, {{guest}}                # bytes of all this

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
  ld s4, INFO_HEAP(s0)          # zeros
  li a0, IPC_RECEIVE
wait:
  li a1, 0
  li a2, -1
  li a7, IPC
  ecall
  bnez a0, wait_only
  ld s3, U_TAG(s1)
  srli s3, s3, 32
  beqz a1, open
  li s2, GUEST
  mul s2, s2, a1
  add s2, s2, s4                # what belongs to this guest
  ld t0, A7(s1)
  ld t1, A6(s1)
  ld t2, A0(s1)
  li t3, 0x10
  beq t0, t3, base
  li t3, 1
  beq t0, t3, putchar
  li t3, EXTENSION
  beq t0, t3, queue
no_such:
  li t0, NOT_SUPPORTED
error:
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

base:
  li t0, 0x2000000
  beqz t1, value
  li t0, IMPLEMENTATION
  li t3, 1
  beq t1, t3, value
  li t0, 7
  li t3, 2
  beq t1, t3, value
  li t3, 3
  beq t1, t3, probe
  li t0, 0
  li t3, 6
  bleu t1, t3, value
  j no_such
probe:
  li t0, 1
  li t3, 0x10
  beq t2, t3, value
  li t3, EXTENSION
  beq t2, t3, value
  beq t2, t0, value             # the old putchar
  li t0, 0
  j value

queue:
  ld t4, COUNT(s2)
  ld t5, OLDEST(s2)
  li t6, SIZE
  beqz t1, put
  li t3, 1
  beq t1, t3, get
  li t3, 2
  beq t1, t3, level
  li t3, 3
  beq t1, t3, peek
  li t3, 4
  beq t1, t3, clear
  j no_such
put:
  li t0, FAILED
  bgeu t4, t6, error
  add t5, t5, t4
  call place
  sd t2, WORDS(t5)
  addi t4, t4, 1
  sd t4, COUNT(s2)
  li t0, 0
  j value
get:
  li t0, FAILED
  beqz t4, error
  addi t4, t4, -1
  sd t4, COUNT(s2)
  addi t3, t5, 1
  remu t3, t3, t6
  sd t3, OLDEST(s2)
  call place
  ld t0, WORDS(t5)
  j value
level:
  mv t0, t4
  j value
peek:
  li t0, INVALID
  bgeu t2, t4, error
  add t5, t5, t2
  call place
  ld t0, WORDS(t5)
  j value
clear:
  sd zero, COUNT(s2)
  mv t0, t4
  j value
place:                          # t5: place in the ring → its address less WORDS
  remu t5, t5, t6
  slli t5, t5, 3
  add t5, t5, s2
  ret

putchar:
  li t4, LINE
  add t4, t4, s2
  ld t5, 0(t4)
  add t6, t4, t5
  sb t2, 8(t6)
  addi t5, t5, 1
  sd t5, 0(t4)
  andi t2, t2, 255
  li t3, 10
  beq t2, t3, say
  li t3, MOST
  bltu t5, t3, said
say:
  sd zero, 0(t4)
  sd t5, U_WORDS(s1)
  addi t4, t4, 8
  addi t6, s1, U_WORDS+8
  mv t0, t5
letter:
  lbu t1, 0(t4)
  sb t1, 0(t6)
  addi t4, t4, 1
  addi t6, t6, 1
  addi t0, t0, -1
  bnez t0, letter
  addi a2, t5, 15               # words: the length, and eight letters each
  srli a2, a2, 3
  mv a0, s6
  li a1, LOG_LINE
  call invoke
said:
  sd zero, A0(s1)
  j go


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
