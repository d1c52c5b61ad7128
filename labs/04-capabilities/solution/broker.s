# The broker: lends semaphores and takes them back.
.equ DOOR, 256                  # the portal of the service
.equ SESSION, 260               # + number of the session: its portal
.equ KEY, 300                   # + number of the key: a semaphore
.equ KEYS, {{keys}}

.equ LEND, {{first}}
.equ LEND_ON, {{first}}+1
.equ REVOKE, {{first}}+2
.equ COUNT, {{first}}+3
.equ RENEW, {{first}}+4
.equ WEAKEN, {{first}}+5

.equ CAP, 8                     # a flexpage of capabilities
.equ USE, 1
.equ PASS_ON, 4

_start:
  mv s0, a0
  ld s1, INFO_UTCB(s0)
  li s2, 0
make_keys:
  mv a0, s2
  call new_key
  addi s2, s2, 1
  li t0, KEYS
  bltu s2, t0, make_keys
  li t0, DOOR
  li t1, 0
  call new_portal
  la a0, service
  li a1, DOOR
  call announce
  li s5, 1                      # number of the next session
  li a0, IPC_RECEIVE
wait:
  li a1, 0
  li a2, -1
  li a7, IPC
  ecall
  bnez a0, wait_only
  ld s3, U_TAG(s1)
  srli s3, s3, 32               # the label
  ld s2, U_WORDS(s1)            # the number of a key
  ld s4, U_WORDS+8(s1)          # where the client wants it
  beqz a1, open
  li t0, KEYS
  li t1, LEND
  bltu s3, t1, unknown
  li t1, WEAKEN
  bltu t1, s3, unknown
  bgeu s2, t0, no_key
  li t1, LEND
  beq s3, t1, lend
  li t1, LEND_ON
  beq s3, t1, lend_on
  li t1, REVOKE
  beq s3, t1, revoke
  li t1, COUNT
  beq s3, t1, count
  li t1, RENEW
  beq s3, t1, renew
  j weaken

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
no_key:
  li a1, 0
  li a2, 0
  li a0, ST_BAD_ARGUMENT
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
  ori t0, t0, CAP+USE+PASS_ON
  sd t0, U_ITEMS(s1)
  sd zero, U_ITEMS+8(s1)
  sd zero, U_ITEMS+16(s1)
  sd s5, U_WORDS(s1)
  addi s5, s5, 1
  li a0, ST_OK
  li a1, 1
  li a2, 1
  j answer

lend:
  li t2, CAP+USE
  j lend_it
lend_on:
  li t2, CAP+USE+PASS_ON
lend_it:
  call key_page
  or t0, t0, t2
  sd t0, U_ITEMS(s1)
  sd s4, U_ITEMS+8(s1)
  sd zero, U_ITEMS+16(s1)
  li a0, ST_OK
  li a1, 0
  li a2, 1
  j answer

revoke:
  call key_page
  ori t0, t0, CAP
  li t1, 0
  call unmap
  j done
weaken:
  call key_page
  ori t0, t0, CAP+PASS_ON
  li t1, 0
  call unmap
  j done
renew:
  call key_page
  ori t0, t0, CAP
  li t1, 1
  call unmap
  mv a0, s2
  call new_key
  j done

count:                          # all that were counted, without waiting
  li t0, 1
  sd t0, U_WORDS(s1)
  li t0, SEMAPHORE_DOWN
  slli t0, t0, 32
  ori t0, t0, 1
  sd t0, U_TAG(s1)
  sd zero, U_MTD(s1)
  li a0, IPC_SEND+IPC_CALL+IPC_RECEIVE
  li a1, KEY
  add a1, a1, s2
  li a2, 0
  li a7, IPC
  ecall
  beqz a0, counted
  sd zero, U_WORDS(s1)
counted:
  li a0, ST_OK
  li a1, 1
  li a2, 0
  j answer

key_page:                       # s2: number of a key → t0: its flexpage, without kind and rights
  li t0, KEY
  add t0, t0, s2
  slli t0, t0, 12
  ret

unmap:                          # t0: flexpage, t1: 1 = from this task, too
  sd t0, U_WORDS(s1)
  sd t1, U_WORDS+8(s1)
  li a0, OWN_TASK
  li a1, TASK_UNMAP
  li a2, 2
  j invoke

new_key:                        # a0: its number
  li t0, KEY
  add t0, t0, a0
  sd t0, U_WORDS(s1)
  sd zero, U_WORDS+8(s1)
  li a0, OWN_FACTORY
  li a1, FACTORY_CREATE_SEMAPHORE
  li a2, 2
  j invoke

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
