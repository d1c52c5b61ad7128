# Entry of the guest that measures its own exits: the header that Linux images have, then a stack.
	.section .text.head, "ax"
	.globl	_start
_start:
#include "../include/image.S"
1:	la	sp, stack_top
	call	measure
2:	j	2b
