/** Look-ahead with the H extension: device registers, and instructions with optional exits (control.ts). */
import { Cause, Mtd, S, type Sys } from '../../microkernel/abi/index.ts';
import type { Ahead, LookAhead } from '../cpu/look-ahead.ts';
import { decodeAccess } from '../interpreter/access.ts';
import { groupOf } from '../interpreter/store.ts';
import { supervisorInstruction } from '../interpreter/supervisor.ts';
import { placeOf, type View } from '../memory/walker.ts';
import type { Vcpu } from '../vcpu.ts';
import { accessDevice } from './memory.ts';

/** Exits that carry all the state it needs. */
export const MAY_LOOK_AHEAD: ReadonlySet<number> = new Set([Cause.guestPageFault, Cause.virtualInstruction]);
const VS = 1, SUM = 18, MXR = 19, REACH = 96;

/** Returns the state groups that it has changed. */
export function* lookAhead(vcpu: Vcpu, ahead: LookAhead): Sys<number> {
  const utcb = vcpu.utcb, touched = { groups: 0 };
  if (utcb.num(S.mode) !== VS) return 0;
  const from = utcb.big(S.pc), { pc, cost } = yield* ahead.run(seenBy(vcpu, touched), from);
  vcpu.sys.charge(cost);
  utcb.setBig(S.pc, pc);
  return pc === from ? touched.groups : touched.groups | Mtd.pc;
}

function seenBy(vcpu: Vcpu, touched: { groups: number }): Ahead {
  const { utcb, vm } = vcpu, { ram, work, bus } = vm, bit = (n: number): boolean => (utcb.u32[S.vsstatus >> 2] & (1 << n)) !== 0;
  const view = (): View => ({ satp: BigInt.asUintN(64, utcb.big(S.vsatp)), privileged: true, sum: bit(SUM), mxr: bit(MXR) });
  let seen = view();
  return {
    ram, reach: REACH,
    x: {
      get: (n) => (n === 0 ? 0n : utcb.xBig(n)),
      set: (n, value) => {
        utcb.setXBig(n, value);
        touched.groups |= groupOf(n);
      },
    },
    get free() { return !work.pending && !vm.ended && utcb.num(S.mode) === VS; },
    isTraced: () => false,
    find: (va, access) => placeOf(ram, seen, va, access),
    *exit(decoded, pc, gpa) {
      if (gpa === undefined) {
        if (vm.exits.isUsual) return undefined;
        utcb.setBig(S.pc, pc);
        const result = supervisorInstruction(vcpu, decoded.word), groups = typeof result === 'object' ? yield* result : result;
        if (groups === undefined) return undefined;
        touched.groups |= groups;
        seen = view();
        return utcb.big(S.pc);
      }
      const access = ram.isRam(gpa, 1) ? undefined : decodeAccess(decoded.word), window = access && bus.find(gpa, access.size);
      if (!window) return undefined;
      touched.groups |= accessDevice(utcb, window, gpa - window.base, access);
      return pc + BigInt(decoded.length);
    },
  };
}
