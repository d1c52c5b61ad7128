/**
 * No stimecmp and no vstimecmp: a supervisor asks the level below for each timer interrupt, by an SBI call that a monitor has to handle.
 *
 * Processors: RISC-V before Sstc (2021); IBM's System/370 before the virtual interval timer assist of the 370/148 (1976).
 * Told by: MacKinnon, "The Changing Virtual Machine Environment: Interfaces to Real Hardware, Virtual Hardware, and Other Virtual
 * Machines", IBM Systems Journal 18(1), 1979.
 */
import type { Switch } from './switch.ts';

export const noSstc: Switch = {
  name: 'no-sstc',
  says: 'no supervisor timer compare registers (Sstc)',
  change: (model) => ({ ...model, absent: [...model.absent, 'sstc'] }),
};
