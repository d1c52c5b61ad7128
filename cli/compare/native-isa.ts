/** The extensions that the machine itself has in a comparison: those of its guests, so that one kernel chooses the same code everywhere. */
import { isaExtensions, isaString, unknownExtensions } from '../../machine/board/isa.ts';
import { cpuModel } from '../../machine/cpu/model.ts';
import { BASE } from '../../machine/cpu/switch.ts';
import { processorOf } from '../../system/processor.ts';
import { DEFAULT_ISA } from '../../vmm/index.ts';
import { guestIsa } from '../../vmm/processor.ts';

export function nativeIsa(cpu = BASE.text): string {
  const isa = guestIsa(DEFAULT_ISA, processorOf(cpuModel(cpu))), unknown = unknownExtensions(isa);
  return isaString(isaExtensions(isa).filter((name) => !unknown.includes(name)));
}
