/**
 * Costs of a monitor's work in cycles, besides what the kernel charges. `counted` is what `monitor` (guests/linux/apart/monitor.c) needs:
 * the same work as a C program, compiled for this processor, where an instruction is a cycle. The table is an estimate: whole exits are
 * good to a factor of 1.5, single parts to 2.5. docs/costs.md shows what half, double and the counted figures change.
 */
export const COSTS = {
  /** A cause's handler, work that waits, interrupts for the guest. Counted: 45. */
  dispatch: 40,
  /** An instruction of the guest. Counted: 17 for a load or store. */
  decode: 40,
  /** An address's device, its register, the guest's register. Counted: 141. */
  device: 60,
  /** A call of firmware: its function, arguments, answer. Counted: 64. */
  call: 40,
  /** Three levels of the guest's tables. Counted: 97. */
  walk: 40,
  /**
   * Look-ahead: comparing an instruction's bytes and doing it. Ten is for a monitor that translates what it has seen, as that of Agesen and
   * others does; one that interprets needs 90 (counted).
   */
  step: 10,
  /** Look-ahead: the memory of an access. Counted: 22. */
  memory: 20,
} as const;
