/**
 * Cycles for work that a kernel in machine code does with instructions and TypeScript without any: entry from user mode to C code and
 * return, page-table entries, switching spaces. Each is the length of Linux 6.12's path on riscv64, in instructions
 * (arch/riscv/kernel/entry.S, mm/); estimates, ± a half.
 */
export const COSTS = {
  /** handle_exception and ret_from_exception: 31 registers and four CSRs out and in, the dispatch. */
  trap: 120,
  /** switch_to: callee-saved registers, floating-point state when it is dirty. */
  switchThread: 90,
  /** switch_mm: ASID, satp. */
  switchSpace: 40,
  /** set_pte and its bookkeeping. */
  mapPage: 30,
  /** ptep_get_and_clear, and its share of the fence. */
  unmapPage: 30,
} as const;
