/**
 * TLB entries carry no virtual-machine number: hgatp.VMID is hardwired to zero (VMIDLEN = 0). A hypervisor that switches from one
 * virtual machine to another must flush the first one's entries.
 *
 * Processors: Intel's VT-x until Nehalem brought VPID (2008); AMD's SVM had ASIDs from the start (2006).
 * Told by: Steinberg and Kauer, "NOVA: A Microhypervisor-Based Secure Virtualization Architecture", EuroSys 2010, which measures both.
 * @spec priv 21.2.10
 */
import { lacksTranslation, lacksVirtualMachines, type Switch } from './switch.ts';

export const noVmid: Switch = {
  name: 'no-vmid',
  says: 'TLB entries without a number of the virtual machine',
  change: (model) => ({ ...model, vmids: false }),
  senseless: (model) => lacksVirtualMachines(model) ?? lacksTranslation(model),
};
