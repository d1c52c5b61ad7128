/** `vm --isa`: the extensions that a guest gets. */
import { isaExtensions, isaString } from '../machine/board/isa.ts';
import { DEFAULT_ISA } from '../vmm/index.ts';
import { CliError } from './errors.ts';
import { checkIsa } from './isa.ts';

/**
 * The extensions of a guest with this `--isa`, as an ISA string.
 * @throws CliError for a string that names something which no guest gets here.
 */
export function guestExtensions(isa: string, cpu?: string): string {
  checkIsa(isa, cpu);
  const wanted = isaExtensions(isa), offered = isaExtensions(DEFAULT_ISA), strange = wanted.filter((name) => !offered.includes(name));
  if (strange.length > 0)
    throw new CliError('E_ISA', `--isa: a guest does not get ${strange.map((name) => `'${name}'`).join(', ')}`,
      `it may get ${DEFAULT_ISA}`);
  return isaString(wanted);
}

/** The machine of such a guest has no other instructions, so that the rest traps; the microkernel itself needs the hypervisor extension. */
export const machineOf = (guest: string): string => isaString(isaExtensions(`rv64h${guest.slice('rv64'.length)}`));
