/**
 * No hlv, hlvx, hsv: a supervisor cannot access memory as its guest would. To read an instruction of the guest, its monitor walks the
 * guest's page tables in software.
 *
 * Processors: IA-32 and AMD64, whose monitors do so to this day; RISC-V's hypervisor extension before its draft 0.6 (2020).
 * Told by: Waterman, Hauser (editors), The RISC-V Instruction Set Manual, volume II, on the instructions' purpose.
 * @spec priv 21.3.1
 */
import { lacksVirtualMachines, type Switch } from './switch.ts';

export const noHlv: Switch = {
  name: 'no-hlv',
  says: 'no loads and stores of the supervisor as the guest would do them (hlv, hlvx, hsv)',
  change: (model) => ({ ...model, hlv: false }),
  senseless: lacksVirtualMachines,
};
