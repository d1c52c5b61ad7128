/* A signal handler returns here. It is first in the code, and unwinders recognise exactly these instructions. */
  .section .text.first, "ax"
  .globl __vdso_rt_sigreturn
  .type __vdso_rt_sigreturn, @function
__vdso_rt_sigreturn:
  .cfi_startproc
  .cfi_signal_frame
  li a7, 139
  ecall
  .cfi_endproc
  .size __vdso_rt_sigreturn, . - __vdso_rt_sigreturn
