import { Cause, Mtd, Ops, Own, Resume, Right, Status, allocate, memoryPage, serve, valueOf, type Client, type Program, type Reply, type Sys,
  type Syscalls } from 'tessera';

const PAGE = 4096, STORE = 0x2f00, FETCH = 12, SSTATUS = 0x100, EBREAK = 0x0010_0073;
/** SIE, SPIE, SPP: what the register has. */
const BITS = 0x122n;

/** A guest: frames of its memory by number of the page, its pages of code as it wrote them, its register. */
interface Guest { readonly frames: Map<number, number>; readonly code: Map<number, DataView>; status: bigint }

/** A decoded load or store. */
interface Access {
  readonly store: boolean; readonly size: number; readonly signed: boolean;
  readonly register: number
}

/** undefined for any other instruction. */
function accessOf(bits: number): Access | undefined {
  const opcode = bits & 0x7f, funct = (bits >>> 12) & 7;
  if (opcode === 0x03 && funct !== 7) return { store: false, size: 1 << (funct & 3), signed: funct < 4, register: (bits >>> 7) & 31 };
  if (opcode !== 0x23 || funct > 3) return undefined;
  return { store: true, size: 1 << funct, signed: false, register: (bits >>> 20) & 31 };
}

/** Does the instruction do something else in user mode than in the kernel's, without a trap? */
const isSensitive = (bits: number): boolean => (bits & 0x7f) === 0x73 && ((bits >>> 12) & 3) !== 0 && bits >>> 20 === SSTATUS;

const patcher: Program = {
  name: 'patcher',
  *main(sys, env) {
    function* frameOf(own: Syscalls, guest: Guest, page: number): Sys<number> {
      let frame = guest.frames.get(page);
      if (frame === undefined) guest.frames.set(page, (frame = valueOf(yield* allocate(own, env, PAGE, { rights: Right.RWX }))));
      return frame;
    }

    /** Writes a word of a page of code: what the processor finds there. */
    const patch = (own: Syscalls, frame: number, code: DataView, at: number): void => {
      const bits = code.getUint32(at, true);
      own.memory.setU32(frame + at, isSensitive(bits) ? EBREAK : bits);
    };

    /** From now on the page is code: the guest executes it, and comes here when it reads or writes it. */
    function* scan(own: Syscalls, guest: Guest, page: number, frame: number): Sys<void> {
      const code = new DataView(new ArrayBuffer(PAGE));
      yield* own.must(Own.task, Ops.task.unmap, [memoryPage(frame, 12, 0), 0]);
      for (let at = 0; at < PAGE; at += 4) {
        code.setUint32(at, own.memory.u32(frame + at), true);
        patch(own, frame, code, at);
      }
      guest.code.set(page, code);
    }

    /** An instruction on sstatus, with the guest's own register. */
    function emulate(own: Syscalls, guest: Guest, bits: number): void {
      const utcb = own.utcb, funct = (bits >>> 12) & 7, rd = (bits >>> 7) & 31, rs = (bits >>> 15) & 31;
      const old = guest.status, operand = funct >= 4 ? BigInt(rs) : rs === 0 ? 0n : utcb.xBig(rs), how = funct & 3;
      const value = how === 1 ? operand : how === 2 ? old | operand : old & ~operand;
      guest.status = value & BITS;
      if (rd !== 0) utcb.setXBig(rd, old);
    }

    /** An access to a page of code: the guest sees what it wrote. */
    function access(own: Syscalls, frame: number, code: DataView, asked: Access, at: number): void {
      const utcb = own.utcb;
      if (!asked.store) {
        let value = 0n;
        for (let i = asked.size - 1; i >= 0; i--) value = (value << 8n) | BigInt(code.getUint8(at + i));
        if (asked.register !== 0) utcb.setXBig(asked.register, BigInt.asIntN(asked.signed ? 8 * asked.size : 64, value));
        return;
      }
      const value = asked.register === 0 ? 0n : utcb.xBig(asked.register);
      for (let i = 0; i < asked.size; i++) code.setUint8(at + i, Number((value >> BigInt(8 * i)) & 255n));
      for (let word = at - at % 4; word < at + asked.size; word += 4) patch(own, frame, code, word);
    }

    function* fault(own: Syscalls, guest: Guest): Sys<Reply> {
      const utcb = own.utcb, cause = utcb.word(0), address = utcb.word(1), pc = utcb.pc, page = Math.floor(address / PAGE),
        isFetch = cause === FETCH;
      const registers = Array.from({ length: 32 }, (_, i) => (i === 0 ? 0n : utcb.xBig(i)));
      const code = guest.code.get(page), frame = yield* frameOf(own, guest, page);
      if (isFetch && !code) yield* scan(own, guest, page, frame);
      if (isFetch || !code)
        return { label: Resume.go, items: [{ flexpage: memoryPage(frame, 12, isFetch ? Right.X : Right.RW), dest: page * PAGE }] };
      const asked = accessOf(guest.code.get(Math.floor(pc / PAGE))?.getUint32(pc % PAGE, true) ?? 0);
      if (!asked) return { label: Resume.stop };
      registers.forEach((v, i) => { if (i > 0) utcb.setXBig(i, v); });
      access(own, frame, code, asked, address % PAGE);
      utcb.pc = pc + 4;
      return { label: Resume.go, mtd: Mtd.pc | Mtd.args | Mtd.regs };
    }

    function breakpoint(own: Syscalls, guest: Guest): Reply {
      const utcb = own.utcb, pc = utcb.pc, bits = guest.code.get(Math.floor(pc / PAGE))?.getUint32(pc % PAGE, true) ?? 0;
      if (!isSensitive(bits)) return { label: Resume.stop };
      emulate(own, guest, bits);
      utcb.pc = pc + 4;
      return { label: Resume.go, mtd: Mtd.pc | Mtd.args | Mtd.regs };
    }

    yield* serve<Guest>(sys, env, 'patcher', {
      mtd: Mtd.exit | Mtd.args | Mtd.regs | Mtd.pc,
      open: () => ({ frames: new Map(), code: new Map(), status: 0n }),
      *request(own, { state: guest }: Client<Guest>): Sys<Reply> {
        const { label } = own.utcb, at = own.utcb.word(0), value = own.utcb.bigWord(1);
        if (label === Cause.pageFault) return yield* fault(own, guest);
        if (label === Cause.breakpoint) return breakpoint(own, guest);
        if (label !== STORE) return { label: Status.badOp };
        own.memory.setU64((yield* frameOf(own, guest, Math.floor(at / PAGE))) + at % PAGE, BigInt.asUintN(64, value));
        return {};
      },
    });
  },
};
export default patcher;
