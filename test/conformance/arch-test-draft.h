/* Names of the draft cryptography extensions that today's assemblers do not know. */
#ifdef __ASSEMBLER__
.macro packu rd, rs1, rs2
  .insn r 0x33, 4, 0x24, \rd, \rs1, \rs2
.endm
.macro packuw rd, rs1, rs2
  .insn r 0x3b, 4, 0x24, \rd, \rs1, \rs2
.endm
.macro grevi rd, rs1, n
  .insn i 0x13, 5, \rd, \rs1, 0x680 + \n
.endm
.macro xperm.b rd, rs1, rs2
  xperm8 \rd, \rs1, \rs2
.endm
.macro xperm.n rd, rs1, rs2
  xperm4 \rd, \rs1, \rs2
.endm
#endif
