/**
 * No hypervisor extension: no VS and VU modes, no second stage, no hypervisor registers. A guest kernel then runs in U mode, or not at all.
 *
 * Processors: all of IA-32 before VT-x (2005); RISC-V before the extension was ratified (2021), such as SiFive's FU540.
 * Told by: Popek and Goldberg, "Formal Requirements for Virtualizable Third Generation Architectures", CACM 17(7), 1974; Adams and
 * Agesen, "A Comparison of Software and Hardware Techniques for x86 Virtualization", ASPLOS 2006.
 */
import type { Switch } from './switch.ts';

export const noH: Switch = {
  name: 'no-h',
  says: 'no hypervisor extension',
  change: (model) => ({ ...model, absent: [...model.absent, 'h'] }),
};
