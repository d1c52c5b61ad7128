/**
 * The price of leaving a virtual machine and entering it again: the cycles that the processor itself needs for the world switch, besides
 * the instructions of kernel and monitor. Charged when a trap leaves VS or VU mode for HS or M mode.
 *
 * Processors: Intel from Prescott (2005) to Sandy Bridge (2011), with the cycles of `ROUND_TRIPS`.
 * Told by: Agesen, Mattson, Rugina and Sheldon, "Software Techniques for Avoiding Hardware Virtualization Exits", USENIX ATC 2012, table 1.
 */
import { lacksVirtualMachines, type Switch } from './switch.ts';

/** Cycles of a round trip by processor, from Prescott (2005) to Sandy Bridge (2011). */
export const ROUND_TRIPS = { Prescott: 3963, Merom: 1579, Penryn: 1266, Nehalem: 1009, Westmere: 761, 'Sandy Bridge': 784 } as const;

export const exit: Switch = {
  name: 'exit',
  says: 'cycles of leaving a virtual machine and entering it again',
  value: { name: 'CYCLES', least: 0, most: 1_000_000 },
  change: (model, cycles) => ({ ...model, exitCycles: cycles }),
  senseless: lacksVirtualMachines,
};
