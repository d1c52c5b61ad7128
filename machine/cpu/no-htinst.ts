/**
 * htinst and mtinst are zero where the manual lets them be: a monitor that needs the faulting access reads the instruction from the guest's
 * memory through the guest's page tables and decodes it.
 *
 * Processors: Intel's VT-x, which gives a length but no instruction; AMD's SVM before its decode assists (2011).
 * Told by: Agesen, Mattson, Rugina and Sheldon, "Software Techniques for Avoiding Hardware Virtualization Exits", USENIX ATC 2012.
 * @spec priv 21.6.3
 */
import { lacksVirtualMachines, type Switch } from './switch.ts';

export const noHtinst: Switch = {
  name: 'no-htinst',
  says: 'htinst does not describe the access that faulted',
  change: (model) => ({ ...model, htinst: false }),
  senseless: lacksVirtualMachines,
};
