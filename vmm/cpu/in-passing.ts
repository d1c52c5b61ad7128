/** Look-ahead for a deprivileged processor: privileged instructions, device registers, stores to traced tables. */
import { decodeAccess } from '../interpreter/access.ts';
import type { Decoded } from '../../hardware/isa/decode.ts';
import { accessDevice } from '../exits/memory.ts';
import { placeOf } from '../memory/walker.ts';
import type { Ahead } from './look-ahead.ts';
import type { Lent } from './lent.ts';

const PAGE = 4096, REACH = 64, LEVEL = 0x300; // the privilege bits of a CSR's number

export function inPassing(cpu: Lent): Ahead {
  const { vm, mmu, x } = cpu, { ram, work, bus } = vm, tableAt = (gpa: number): boolean => mmu.isTable(gpa - (gpa % PAGE));
  return {
    x, ram, reach: REACH, isTraced: tableAt,
    get free() { return cpu.supervisor.privileged && cpu.supervisor.interrupt === undefined && !work.pending && !vm.ended; },
    find: (va, access) => placeOf(ram, cpu.view, va, access),
    *exit(decoded, pc, gpa) {
      const next = pc + BigInt(decoded.length);
      if (gpa === undefined) return isPrivileged(decoded) && (yield* cpu.execute(decoded, pc)) ? cpu.pc : undefined;
      if (ram.isRam(gpa, 1)) return tableAt(gpa) && (yield* cpu.store(decoded, gpa)) ? next : undefined;
      const access = decodeAccess(decoded.word), window = access && bus.find(gpa, access.size);
      if (!window) return undefined;
      cpu.touched(accessDevice(cpu.utcb, window, gpa - window.base, access));
      return next;
    },
  };
}

/** Does it trap in U mode, so that the supervisor in software performs it? Waiting instructions are left to the guest. */
function isPrivileged({ row: { name }, operands }: Decoded): boolean {
  return name.startsWith('csrr') ? (operands.csr! & LEVEL) !== 0 : name === 'sret' || name === 'sfence.vma' || name === 'sinval.vma';
}
