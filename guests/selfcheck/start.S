# Entry of the guest that examines and changes its own code: the header that Linux images have, then a stack.
	.section .text.head, "ax"
	.globl	_start
_start:
#include "../include/image.S"
1:	la	sp, stack_top
	call	selfcheck
2:	j	2b

# Privileged instructions that the guest executes and reads; a table has their words as the assembler made them.
	.macro	site name:req, code:vararg
	.align	2
\name:	\code
	.endm
	.align	2
	.globl	privileged
privileged:
	site	s1, csrr a0, sstatus
	site	s2, csrci sstatus, 2
	site	s3, csrw sscratch, a0
	site	s4, csrrw a1, sscratch, a0
	site	s5, csrr a2, sie
	site	s6, csrw sie, a2
	site	s7, csrs sstatus, zero
	site	s8, sfence.vma
	ret

# A function with a hole, and beside it, in the same page, the one that fills it and calls it.
	.align	12
	.globl	fill_and_call
fill_and_call:
	la	t0, hole
	sw	a1, (t0)
	fence.i
	mv	t1, ra
	jal	t2, patched
	mv	ra, t1
	ret
patched:
	addi	a0, a0, 1
hole:	.word	0x00000013
	jr	t2

	.section .rodata
	.align	3
	.globl	sites
sites:	.dword	s1, s2, s3, s4, s5, s6, s7, s8
	.globl	words
words:	.word	0x10002573, 0x10017073, 0x14051073, 0x140515f3, 0x10402673, 0x10461073, 0x10002073, 0x12000073
