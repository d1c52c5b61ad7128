# Entry of the guest that measures its own exits: the header that Linux images have, then a stack.
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
	call	measure
2:	j	2b
