/** The processor of a system: parses its name, and describes it to the components. */
import { DEFAULT_ISA, isaOf } from '../machine/board/isa.ts';
import { KSEG0 } from '../machine/cpu/kseg0.ts';
import { CpuError, cpuModel } from '../machine/cpu/model.ts';
import { BASE, type CpuModel } from '../machine/cpu/switch.ts';
import type { Processor } from '../roottask/client/env.ts';

/** @throws CpuError when the text names none, or one that the microkernel cannot run on. */
export function hostedModel(text: string = BASE.text): CpuModel {
  const model = cpuModel(text);
  if (!model.translation)
    throw new CpuError(`'${text}': the microkernel keeps tasks apart by address translation, which no-mmu takes away; such a processor `
      + `runs bare programs only`);
  return model;
}

/** `machine`: the ISA string that its harts were created with. */
export function processorOf(model: CpuModel, machine = DEFAULT_ISA): Processor {
  const isa = isaOf(model, machine);
  return { isa, ...(model.kseg0 && { reserved: [KSEG0.start, KSEG0.end] as const }), ...(model.popf && { leaks: true }) };
}
