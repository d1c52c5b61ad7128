/** `--isa`: the extensions of a bare machine's harts, or those that a guest gets. */
import { DEFAULT_ISA, isaExtensions, isaString, unknownExtensions } from '../machine/board/isa.ts';
import { cpuModel } from '../machine/cpu/model.ts';
import { BASE } from '../machine/cpu/switch.ts';
import { DEFAULT_ISA as GUEST_ISA } from '../vmm/index.ts';
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

/**
 * The extensions of a guest with this `--isa`, as an ISA string.
 * @throws CliError for a string that names something which no guest gets here.
 */
export function guestExtensions(isa: string, cpu?: string): string {
  checkIsa(isa, cpu);
  const wanted = isaExtensions(isa), offered = isaExtensions(GUEST_ISA), strange = wanted.filter((name) => !offered.includes(name));
  if (strange.length > 0)
    throw new CliError('E_ISA', `--isa: a guest does not get ${strange.map((name) => `'${name}'`).join(', ')}`, `it may get ${GUEST_ISA}`);
  return isaString(wanted);
}

/** The machine of such a guest has no other instructions, so that the rest traps; the microkernel itself needs the hypervisor extension. */
export const machineOf = (guest: string): string => isaString(isaExtensions(`rv64h${guest.slice('rv64'.length)}`));
