# Entry of every program: sp points at argc, argv[], NULL, envp[], NULL, auxiliary vector.
	.section .text.start, "ax"
	.globl _start
_start:
	.option push
	.option norelax
	la	gp, __global_pointer$
	.option pop
	ld	a0, 0(sp)
	addi	a1, sp, 8
	addi	a2, a0, 1
	slli	a2, a2, 3
	add	a2, a1, a2
	la	t0, environ
	sd	a2, 0(t0)
	andi	sp, sp, -16
	call	main
	call	quit
