# Entry of the guest that tries everything: the header that Linux images have, then a stack.
	.section .text.head, "ax"
	.globl	_start
_start:
	.option push
	.option norvc
	j	1f
	.option pop
	.word	0
	.dword	0x200000		# where to load, from the start of RAM
	.dword	image_end - _start	# memory it needs
	.dword	0			# little-endian
	.word	2			# header version 0.2
	.word	0
	.dword	0
	.ascii	"RISCV\0\0\0"
	.ascii	"RSC\x05"
	.word	0
1:	la	sp, stack_top
	call	control
2:	j	2b

# A trap of the guest's own: its cause is noted, and the instruction (4 bytes) is skipped.
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
