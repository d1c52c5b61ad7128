# A hypervisor for one guest, from the first instruction of the machine on.
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
  li t0, 0x1f
  csrw pmpcfg0, t0
  li t0, 0xf0b5ff               # every exception but ecalls of HS and M mode is the supervisor's
  csrw medeleg, t0
  li t0, 0x1666                 # and every interrupt
  csrw mideleg, t0
  li t0, 7                      # cycle, time, instret
  csrw mcounteren, t0
  li t0, 1
  slli t0, t0, 63
  csrw menvcfg, t0              # STCE: there is stimecmp
  li t0, 0x1800
  csrc mstatus, t0
  li t0, 0x800                  # MPP: S
  csrs mstatus, t0
  la t0, supervisor
  csrw mepc, t0
  mret

# ---- HS mode: a guest's memory, and the way into it ----------------------------------------------------------------
supervisor:
  la t0, exit
  csrw stvec, t0
  la sp, frame
  csrw sscratch, sp
  la t0, root
  la t1, table
  srli t2, t1, 12
  slli t2, t2, 10
  ori t2, t2, 1                 # V: another table
  sd t2, 16(t0)                 # the third gigabyte
  li t2, GUEST
  srli t2, t2, 12
  slli t2, t2, 10
  ori t2, t2, 0xdf              # D A U X W R V
  sd t2, 0(t1)
  srli t0, t0, 12
  li t2, 8                      # Sv39x4
  slli t2, t2, 60
  or t0, t0, t2
  li t2, VMID
  slli t2, t2, 44
  or t0, t0, t2
  csrw hgatp, t0
  hfence.gvma
  li t0, 0xb10d                 # its own exceptions: fetch misaligned, illegal, breakpoint, ecall of its user mode, page faults
  csrw hedeleg, t0
  li t0, 0x444
  csrw hideleg, t0
  li t0, 7
  csrw hcounteren, t0
  li t0, 0x80                   # SPV
  csrs hstatus, t0
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
  sd x9, 72(sp)
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
  sd x27, 216(sp)
  sd x28, 224(sp)
  sd x29, 232(sp)
  sd x30, 240(sp)
  sd x31, 248(sp)
  csrr t0, sscratch
  sd t0, 16(sp)
  csrr t0, scause
  bltz t0, timer
  li t1, 10
  beq t0, t1, called
  li t1, 21
  beq t0, t1, touched
  li t1, 23
  beq t0, t1, touched
  j lost

resume:
  csrw sscratch, sp
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
  csrr t0, sepc
  addi t0, t0, 4
  csrw sepc, t0
  ld t1, 136(sp)                # a7: which
  ld t2, 80(sp)                 # a0
  sd zero, 80(sp)
  beqz t1, set_timer
  li t3, 1
  beq t1, t3, putchar
  li t3, 8
  beq t1, t3, off
  li t3, -2
  sd t3, 80(sp)
  j resume

putchar:
  li t3, UART
  sb t2, 0(t3)
  j resume

set_timer:
  csrw stimecmp, t2
  li t3, 0x40
  csrc hvip, t3
  li t3, 0x20
  csrs sie, t3
  j resume

off:
  li t3, FINISHER
  li t4, FINISHED
  sw t4, 0(t3)
  j off

# ---- its clock has rung --------------------------------------------------------------------------------------------
timer:
  li t1, 0x40
  csrs hvip, t1
  li t1, 0x20
  csrc sie, t1
  j resume

# ---- it has touched memory that is not there (yet) -----------------------------------------------------------------
touched:
  csrr t0, htval
  slli t0, t0, 2
  li t1, 0x80200000
  bltu t0, t1, lost
  li t1, 0x80400000
  bgeu t0, t1, lost
  la t0, table
  li t1, GUEST+0x200000
  srli t1, t1, 12
  slli t1, t1, 10
  ori t1, t1, 0xdf
  sd t1, 8(t0)
  hfence.gvma
  j resume

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
.align 14
root: .zero 16384
