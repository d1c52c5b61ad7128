# A hypervisor for one guest, from the first instruction of the machine on. Who wrote it left in a hurry: the boot code
# has mistakes, some exits are missing. README.md says what it is to do.
.equ GUEST, {{guest}}   # where the guest's first two megabytes are; two more behind them
.equ VMID, {{vmid}}

.equ UART, 0x10000000
.equ FINISHER, 0x100000
.equ FINISHED, 0x5555
.equ FAILED, 0x3333             # + code * 0x10000

# ---- M mode: hand the machine over ---------------------------------------------------------------------------------
_start:
  la t0, broken
  csrw mtvec, t0
  li t0, -1                     # S mode may touch all of memory
  csrw pmpaddr0, t0
  li t0, 0x18
  csrw pmpcfg0, t0
  li t0, 0xb1ff                 # every exception but ecalls of HS and M mode is the supervisor's
  csrw medeleg, t0
  li t0, 7                      # cycle, time, instret
  csrw mcounteren, t0
  li t0, 0x1000                 # MPP: S
  csrs mstatus, t0
  la t0, supervisor
  csrw mepc, t0
  mret

# ---- HS mode: a guest's memory, and the way into it ----------------------------------------------------------------
supervisor:
  la t0, exit
  csrw vstvec, t0
  la sp, frame
  csrw sscratch, sp
  # TODO: the second stage: root and table, hgatp
  li t0, 0xb5ff                 # its own exceptions
  csrw hedeleg, t0
  li t0, 0x100                  # SPP
  csrs sstatus, t0
  li t0, 0x80000000
  csrw sepc, t0
  li a0, 0
  sret

# ---- the guest has left --------------------------------------------------------------------------------------------
exit:
  csrrw sp, sscratch, sp
  sd x1, 8(sp)
  sd x3, 24(sp)
  sd x4, 32(sp)
  sd x5, 40(sp)
  sd x6, 48(sp)
  sd x7, 56(sp)
  sd x8, 64(sp)
  sd x9, 64(sp)
  sd x10, 80(sp)
  sd x11, 88(sp)
  sd x12, 96(sp)
  sd x13, 104(sp)
  sd x14, 112(sp)
  sd x15, 120(sp)
  sd x16, 128(sp)
  sd x17, 136(sp)
  sd x18, 144(sp)
  sd x19, 152(sp)
  sd x20, 160(sp)
  sd x21, 168(sp)
  sd x22, 176(sp)
  sd x23, 184(sp)
  sd x24, 192(sp)
  sd x25, 200(sp)
  sd x26, 208(sp)
  sd x28, 224(sp)
  sd x29, 232(sp)
  sd x30, 240(sp)
  sd x31, 248(sp)
  sd sp, 16(sp)
  csrr t0, scause
  li t1, 9
  beq t0, t1, called
  # TODO: the other reasons
  j lost

resume:
  ld x1, 8(sp)
  ld x3, 24(sp)
  ld x4, 32(sp)
  ld x5, 40(sp)
  ld x6, 48(sp)
  ld x7, 56(sp)
  ld x8, 64(sp)
  ld x9, 72(sp)
  ld x10, 80(sp)
  ld x11, 88(sp)
  ld x12, 96(sp)
  ld x13, 104(sp)
  ld x14, 112(sp)
  ld x15, 120(sp)
  ld x16, 128(sp)
  ld x17, 136(sp)
  ld x18, 144(sp)
  ld x19, 152(sp)
  ld x20, 160(sp)
  ld x21, 168(sp)
  ld x22, 176(sp)
  ld x23, 184(sp)
  ld x24, 192(sp)
  ld x25, 200(sp)
  ld x26, 208(sp)
  ld x27, 216(sp)
  ld x28, 224(sp)
  ld x29, 232(sp)
  ld x30, 240(sp)
  ld x31, 248(sp)
  ld sp, 16(sp)
  sret

# ---- its calls -----------------------------------------------------------------------------------------------------
called:
  ld t1, 136(sp)                # a7: which
  ld t2, 80(sp)                 # a0
  li t3, 1
  beq t1, t3, putchar
  li t3, 8
  beq t1, t3, off
  # TODO: a call that there is not
  j resume

putchar:
  li t3, UART
  sb t2, 0(t3)
  j resume

off:
  li t3, FINISHER
  li t4, FINISHED
  sw t4, 0(t3)
  j off

# TODO: its clock; memory that it touches

# ---- the guest has done what nobody can help it with: `!`, code 1; M mode was entered again: `M`, code 2 -----------
lost:
  li t1, UART
  li t2, 33
  sb t2, 0(t1)
  li t3, FINISHER
  li t4, FAILED+0x10000
  sw t4, 0(t3)
  j lost

broken:
  li t1, UART
  li t2, 77
  sb t2, 0(t1)
  li t3, FINISHER
  li t4, FAILED+0x20000
  sw t4, 0(t3)
  j broken

.align 4
frame: .zero 256
.align 12
table: .zero 4096
.align 12
root: .zero 16384
