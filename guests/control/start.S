# Entry of the guest that tries everything: the header that Linux images have, then a stack.
	.section .text.head, "ax"
	.globl	_start
_start:
#include "../include/image.S"
1:	la	sp, stack_top
	call	control
2:	j	2b

# The guest's own trap handler: it notes the cause and skips the instruction (4 bytes).
	.align	2
	.globl	handler
handler:
	csrw	sscratch, t0
	la	t0, trap_cause
	sd	t1, 8(t0)
	csrr	t1, scause
	sd	t1, (t0)
	csrr	t1, sepc
	addi	t1, t1, 4
	csrw	sepc, t1
	ld	t1, 8(t0)
	csrr	t0, sscratch
	sret

	.bss
	.align	3
	.globl	trap_cause
trap_cause:
	.dword	0, 0
