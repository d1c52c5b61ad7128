# Entry of the guest that panics: the header that Linux images have, page tables that bring the kernel to the upper half, a trap entry that
# continues the chain of frames, so that a walk of the stack leads from the handler to the interrupted function.
	.section .text.head, "ax"
	.globl	_start
_start:
#include "../include/image.S"
1:	la	t0, middle		# pc-relative: still the physical address
	srli	t1, t0, 2
	ori	t1, t1, 1
	la	t2, root
	sd	t1, 8 * 2(t2)		# 0x80000000: where we are
	li	t3, 8 * 0x102		# 0xffffffc080000000: where we go
	add	t3, t3, t2
	sd	t1, 0(t3)
	la	t1, _start
	srli	t1, t1, 2
	ori	t1, t1, 0xcf		# D A X W R V
	sd	t1, 8(t0)		# 2 MiB at 0x80200000
	srli	t2, t2, 12
	li	t1, 8
	slli	t1, t1, 60
	or	t1, t1, t2
	sfence.vma
	csrw	satp, t1
	li	t1, 0xffffffc000000000
	la	t0, 2f
	add	t0, t0, t1
	jr	t0
2:	la	sp, stack_top
	la	t0, trap_entry
	csrw	stvec, t0
	li	s0, 0
	call	boot
3:	j	3b

	.text
	.align	4
trap_entry:
	addi	sp, sp, -16
	sd	s0, 0(sp)
	csrr	t0, sepc
	sd	t0, 8(sp)		# the interrupted address, where a return address would be
	addi	s0, sp, 16
	call	on_trap

	.bss
	.align	12
root:	.zero	4096
middle:	.zero	4096
