/**
 * Guest external interrupts: lines of each hart that belong to virtual machines, so that a device's interrupt reaches its guest without an
 * exit. The supervisor's VGEIN names the line of the guest that runs; of the others, those that hgeie names interrupt the supervisor.
 *
 * Here they are contexts of the PLIC behind those of the harts: 2 × harts + LINES × hart + line - 1, for lines from 1 on. A guest that has
 * the page of its context claims and completes by itself. (RISC-V's own answer is the IMSIC with a file of interrupts for each guest.)
 *
 * Processors: Intel with posted interrupts (2013), Arm's GICv4, RISC-V with AIA (2023).
 * Told by: Gordon et al., "ELI: Bare-Metal Performance for I/O Virtualization", ASPLOS 2012.
 * @spec priv 21.2.4
 */
import { lacksVirtualMachines, type Switch } from './switch.ts';

export const geilen: Switch = {
  name: 'geilen',
  says: 'lines of guest external interrupts that each hart has',
  value: { name: 'LINES', least: 1, most: 7 },
  change: (model, lines) => ({ ...model, guestLines: lines }),
  senseless: lacksVirtualMachines,
};
