# The broker: lends semaphores and takes them back. README.md says what each request does.
# It announces its service and opens sessions already; every request is answered with badOp.
.equ DOOR, 256                  # the portal of the service
.equ SESSION, 260               # + number of the session: its portal
.equ KEY, 300                   # + number of the key: a semaphore
.equ KEYS, {{keys}}

_start:
  mv s0, a0
  ld s1, INFO_UTCB(s0)
  # Here the keys are to be made.
  li t0, DOOR
  li t1, 0
  call new_portal
  la a0, service
  li a1, DOOR
  call announce
  li s5, 1                      # number of the next session
  li a0, IPC_RECEIVE
wait:                           # a0: IPC_RECEIVE, or IPC_REPLY+IPC_RECEIVE with the answer in the UTCB
  li a1, 0
  li a2, -1
  li a7, IPC
  ecall
  bnez a0, wait_only
  ld s3, U_TAG(s1)
  srli s3, s3, 32               # the label
  ld s2, U_WORDS(s1)            # the number of a key
  beqz a1, open                 # a1 is the badge: 0 is the loader at the door
  j unknown

wait_only:
  li a0, IPC_RECEIVE
  j wait

answer:                         # a0: label, a1: words, a2: items
  slli a0, a0, 32
  or a0, a0, a1
  slli a2, a2, 8
  or a0, a0, a2
  sd a0, U_TAG(s1)
  sd zero, U_MTD(s1)
  li a0, IPC_REPLY+IPC_RECEIVE
  j wait
done:
  li a1, 0
  li a2, 0
  li a0, ST_OK
  j answer
unknown:
  li a1, 0
  li a2, 0
  li a0, ST_BAD_OP
  j answer

open:                           # a client's session: a portal whose label is its number
  li t1, SERVICE_SESSION
  bne s3, t1, done
  li t0, SESSION
  add t0, t0, s5
  mv t1, s5
  call new_portal
  li t0, SESSION
  add t0, t0, s5
  slli t0, t0, 12
  ori t0, t0, 13                # a flexpage: a capability (8), to be used (1) and passed on (4)
  sd t0, U_ITEMS(s1)
  sd zero, U_ITEMS+8(s1)
  sd zero, U_ITEMS+16(s1)
  sd s5, U_WORDS(s1)
  addi s5, s5, 1
  li a0, ST_OK
  li a1, 1
  li a2, 1
  j answer

new_portal:                     # t0: selector, t1: label
  sd t0, U_WORDS(s1)
  li t2, OWN_THREAD
  sd t2, U_WORDS+8(s1)
  sd t1, U_WORDS+16(s1)
  sd zero, U_WORDS+24(s1)
  li a0, OWN_FACTORY
  li a1, FACTORY_CREATE_PORTAL
  li a2, 4
  j invoke

service: .asciz "broker"
.align 3

{{lib}}
