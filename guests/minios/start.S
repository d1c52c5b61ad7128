# Entry and traps.
#
# Entered in S mode with paging off: a0 = hart number, a1 = device tree. The first 64 bytes are the header that Linux images have, so that
# any loader of kernels takes the flat image.
	.section .text.head, "ax"
	.globl _start
_start:
	.set	image_end, free_start	# memory it needs: behind its stacks as well
#include "../include/image.S"
1:	csrw	sie, zero
	la	sp, boot_stack_top
	la	t0, bss_start
	la	t1, bss_end
2:	sd	zero, 0(t0)
	addi	t0, t0, 8
	bltu	t0, t1, 2b
	la	t0, trap_entry
	csrw	stvec, t0
	csrw	sscratch, zero
	call	kernel_main

# Another hart, started through SBI: a0 = hart number, a1 = its stack.
	.globl	second_start
second_start:
	mv	sp, a1
	la	t0, trap_entry
	csrw	stvec, t0
	csrw	sscratch, zero
	call	second_main

# Traps. sscratch holds the current process's frame while user code runs, 0 while the kernel does.
# A frame is x0 … x31 at 8 * number (x0's place holds sepc), then the kernel stack pointer at 256.
	.align	4
trap_entry:
	csrrw	t6, sscratch, t6
	beqz	t6, kernel_trap
	.irp	n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
	sd	x\n, 8*\n(t6)
	.endr
	csrrw	t0, sscratch, zero
	sd	t0, 8*31(t6)
	csrr	t0, sepc
	sd	t0, 0(t6)
	ld	sp, 256(t6)
	mv	a0, t6
	call	user_trap
	# falls into enter_user with the frame that user_trap gives back in a0

# void enter_user(struct frame *): continues a process; only a trap returns from it.
	.globl	enter_user
enter_user:
	sd	sp, 256(a0)
	csrw	sscratch, a0
	ld	t0, 0(a0)
	csrw	sepc, t0
	mv	t6, a0
	.irp	n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	ld	x\n, 8*\n(t6)
	.endr
	sret

# A trap from the kernel itself: the timer while it waits for work, anything else is a bug.
kernel_trap:
	csrrw	t6, sscratch, t6
	addi	sp, sp, -256
	.irp	n, 1,5,6,7,10,11,12,13,14,15,16,17,28,29,30,31	# what a called function may change
	sd	x\n, 8*\n(sp)
	.endr
	call	kernel_interrupt
	.irp	n, 1,5,6,7,10,11,12,13,14,15,16,17,28,29,30,31
	ld	x\n, 8*\n(sp)
	.endr
	addi	sp, sp, 256
	sret
