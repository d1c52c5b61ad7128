/** A processor as it shows itself to tools outside (outside.ts). */
import { createDecoder } from '../../hardware/isa/decode.ts';
import { disassembleWord } from '../../hardware/isa/disassemble.ts';
import { FULL_ISA } from '../../hardware/isa/table.ts';
import { instructionOf, translate } from '../interpreter/walk.ts';
import type { Lent } from './lent.ts';
import type { SoftwareProcessor } from './outside.ts';
import { CSR_SHOWN } from './supervisor.ts';

const decode = createDecoder(FULL_ISA);

export function shown(cpu: Lent): SoftwareProcessor {
  const { vm: { ram, stubs }, mmu, code } = cpu;
  return {
    get privileged() { return cpu.supervisor.privileged; },
    get space() { return mmu.here; },
    ram: { base: ram.base, size: ram.size, va: ram.va(ram.base, 0) },
    register: (csr) => cpu.supervisor.peek(csr),
    setRegister: (csr, value) => CSR_SHOWN.has(csr) && cpu.supervisor.poke(csr, BigInt.asUintN(64, value)),
    hides: (pc) => stubs?.covers(pc) ?? false,
    restore(gpa, bytes) {
      if (!code?.original) return;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      for (let at = gpa % 2; at + 2 <= bytes.length; at += 2) {
        const word = code.original(gpa + at);
        if (word === undefined) continue;
        view.setUint16(at, word & 0xffff, true);
        if (at + 4 <= bytes.length) view.setUint16(at + 2, word >>> 16, true);
      }
    },
    instruction(pc) {
      const { satp } = cpu.supervisor, place = (va: bigint): number | undefined => translate(ram, satp, va), at = place(pc);
      const word = (at === undefined ? undefined : code?.original?.(at)) ?? instructionOf(place, ram, pc);
      return word === undefined ? undefined : disassembleWord(decode, word, pc);
    },
    written: (gpa, length) => { if (ram.isRam(gpa, length)) ram.onWrite?.(gpa, length); },
  };
}
