# The smallest guest: it reads one register of a device once, says what it got, and powers off. It enters in S mode with paging off and has
# nothing: no stack, no traps, no timer. Its only access to a device is the instruction at `the_access`; words go through SBI calls.
#
# The first 64 bytes are the header that Linux images have, so that any loader of kernels takes the flat image.
	.equ	LINE_STATUS, 0x10000005	# of the serial port; 0x60 = the transmitter is empty
	.equ	SBI_CONSOLE, 0x4442434e	# DBCN
	.equ	SBI_RESET, 0x53525354	# SRST
	.section .text.head, "ax"
	.globl	_start
_start:
#include "../include/image.S"

digits:	.ascii	"0123456789abcdef"
text:	.ascii	"mmio: the line status register says 0x"
value:	.ascii	"..\n"
text_end:
	.balign	4

1:	li	s0, LINE_STATUS
	.globl	the_access
the_access:
	lbu	s1, 0(s0)		# step 1 of 8: there is nothing at this address
after_access:				# step 8: s1 has the register, and the guest cannot see that there is no device
	la	t0, digits
	srli	t1, s1, 4
	add	t1, t0, t1
	lbu	t2, 0(t1)
	la	t3, value
	sb	t2, 0(t3)
	andi	t1, s1, 15
	add	t1, t0, t1
	lbu	t2, 0(t1)
	sb	t2, 1(t3)
	la	a0, text_end
	la	a1, text
	sub	a0, a0, a1
	li	a2, 0
	li	a6, 0			# console write
	li	a7, SBI_CONSOLE
	ecall
	li	a0, 0			# shutdown
	li	a1, 0			# no reason
	li	a6, 0
	li	a7, SBI_RESET
	ecall
2:	j	2b

	.balign	8
image_end:
