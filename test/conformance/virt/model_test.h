/*
 * What a test of riscv-arch-test does on a board like QEMU's virt: at its end it sends its signature, byte by byte, to the UART, and
 * says that it is done to the test finisher. The same file runs on Tessera and on QEMU.
 */
#ifndef TESSERA_MODEL_TEST_H
#define TESSERA_MODEL_TEST_H

#define RVMODEL_BOOT
#define RVMODEL_IO_INIT
#define RVMODEL_IO_CHECK()
#define RVMODEL_IO_WRITE_STR(_R, _STR)
#define RVMODEL_IO_ASSERT_GPR_EQ(_S, _R, _I)
#define RVMODEL_IO_ASSERT_SFPR_EQ(_F, _R, _I)
#define RVMODEL_IO_ASSERT_DFPR_EQ(_D, _R, _I)
#define RVMODEL_SET_MSW_INT
#define RVMODEL_CLR_MSW_INT
#define RVMODEL_CLR_MTIMER_INT
#define RVMODEL_CLR_MEXT_INT
#define RVMODEL_SET_SSW_INT
#define RVMODEL_CLR_SSW_INT
#define RVMODEL_CLR_STIMER_INT
#define RVMODEL_CLR_SEXT_INT
#define RVMODEL_SET_VSW_INT
#define RVMODEL_CLR_VSW_INT
#define RVMODEL_CLR_VTIMER_INT
#define RVMODEL_CLR_VEXT_INT

#define RVMODEL_HALT                        \
  .option push; .option norelax;            \
  la t0, begin_signature;                   \
  la t1, end_signature;                     \
  li t2, 0x10000000;                        \
  9: lbu t3, 5(t2); andi t3, t3, 0x20; beqz t3, 9b; \
  lbu t3, 0(t0); sb t3, 0(t2);              \
  addi t0, t0, 1; bltu t0, t1, 9b;          \
  li t2, 0x100000; li t3, 0x5555; sw t3, 0(t2); \
  9: j 9b;                                  \
  .option pop

#define RVMODEL_DATA_BEGIN .align 4; .global begin_signature; begin_signature:
#define RVMODEL_DATA_END   .align 4; .global end_signature; end_signature:

#endif
