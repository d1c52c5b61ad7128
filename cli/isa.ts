/** `--isa`: the extensions of a machine's harts. */
import { DEFAULT_ISA, isaExtensions, unknownExtensions } from '../machine/board/isa.ts';
import { cpuModel } from '../machine/cpu/model.ts';
import { BASE } from '../machine/cpu/switch.ts';
import { CliError } from './errors.ts';

/** Refuses an `--isa` that names an extension which the machine lacks, or which the processor model removes. */
export function checkIsa(isa: string, cpu = BASE.text): void {
  let strange: string[];
  try {
    strange = unknownExtensions(isa);
  } catch (error) {
    throw new CliError('E_ISA', `--isa: ${(error as Error).message}`, 'write for example rv64gch_sstc');
  }
  if (strange.length > 0)
    throw new CliError('E_ISA', `--isa: this machine does not have ${strange.map((name) => `'${name}'`).join(', ')}`,
      `it has ${DEFAULT_ISA}`);
  const lost = isaExtensions(isa).find((name) => cpuModel(cpu).absent.includes(name));
  if (lost !== undefined)
    throw new CliError('E_CPU', `--cpu ${cpu} takes away '${lost}', which --isa asks for`, `leave '${lost}' out of one of them`);
}
