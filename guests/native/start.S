# a0 = information page, sp = end of the stack.
	.section .text.start, "ax"
	.globl _start
_start:
	call	main
	unimp		# main has told roottask that it ends, and does not return
