import { Cause, Mtd, Resume, Right, Status, allocate, memoryPage, serve, valueOf, type Client, type Program, type Reply, type Sys,
  type Syscalls } from 'tessera';

const PAGE = 4096, STORE = 0x2f00, REACH = 8, MOST = 16;

/** The device: a counter, a journal of what was written, and bytes. */
class Device {
  private count = 0;
  private journal = 0;
  private readonly bytes = new Uint8Array(PAGE);
  read(offset: number, size: number): bigint {
    if (offset < 8) return BigInt.asUintN(8 * size, BigInt(++this.count));
    if (offset < 16) return BigInt.asUintN(8 * size, BigInt(this.journal));
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.bytes[offset + i]!);
    return value;
  }
  write(offset: number, size: number, value: bigint): void {
    const kept = BigInt.asUintN(8 * size, value);
    this.journal = Number(BigInt.asUintN(32, BigInt(this.journal) * 31n + BigInt(offset * 256) + kept));
    for (let i = 0; i < size; i++) this.bytes[offset + i] = Number((kept >> BigInt(8 * i)) & 255n);
  }
}

/** A guest: frames of its memory by number of the page, and its device. */
interface Guest { readonly frames: Map<number, number>; readonly device: Device }
/** A decoded load or store. */
interface Access {
  readonly store: boolean; readonly size: number; readonly signed: boolean;
  readonly register: number; readonly base: number; readonly offset: number
}

/** undefined for any other instruction. */
function accessOf(bits: number): Access | undefined {
  const opcode = bits & 0x7f, funct = (bits >>> 12) & 7, base = (bits >>> 15) & 31;
  if (opcode === 0x03 && funct !== 7) return { store: false, size: 1 << (funct & 3), signed: funct < 4, register: (bits >>> 7) & 31, base,
    offset: bits >> 20 };
  if (opcode !== 0x23 || funct > 3) return undefined;
  return { store: true, size: 1 << funct, signed: false, register: (bits >>> 20) & 31, base,
    offset: ((bits >> 25) << 5) | ((bits >>> 7) & 31) };
}

const ahead: Program = {
  name: 'ahead',
  *main(sys, env) {
    const DEVICE = Number(env.args['device']);

    function* frameOf(own: Syscalls, guest: Guest, page: number): Sys<number> {
      let frame = guest.frames.get(page);
      if (frame === undefined) guest.frames.set(page, (frame = valueOf(yield* allocate(own, env, PAGE, { rights: Right.RWX }))));
      return frame;
    }
    /** The four bytes of the guest's code at an address; undefined where it has no page. */
    const wordAt = (own: Syscalls, guest: Guest, at: number): number | undefined => {
      const frame = guest.frames.get(Math.floor(at / PAGE));
      return frame === undefined ? undefined : own.memory.u32(frame + at % PAGE) | 0;
    };
    const inDevice = (address: number, size: number): boolean => address >= DEVICE && address + size <= DEVICE + PAGE;

    /** One access, of registers in the UTCB. */
    function perform(own: Syscalls, guest: Guest, access: Access, address: number): void {
      const utcb = own.utcb, offset = address - DEVICE;
      if (access.store) return guest.device.write(offset, access.size, access.register === 0 ? 0n : utcb.xBig(access.register));
      const value = guest.device.read(offset, access.size);
      const loaded = BigInt.asIntN(access.signed ? 8 * access.size : 64, value);
      if (access.register !== 0) utcb.setXBig(access.register, loaded);
    }

    /** Performs an instruction that only computes. False for any other. */
    function compute(own: Syscalls, bits: number): boolean {
      const utcb = own.utcb, opcode = bits & 0x7f, funct = (bits >>> 12) & 7, rd = (bits >>> 7) & 31, x = (n: number): bigint =>
        (n === 0 ? 0n : utcb.xBig(n)), set = (v: bigint): void => { if (rd !== 0) utcb.setXBig(rd, BigInt.asIntN(64, v)); };
      if (opcode === 0x37) { set(BigInt(bits & ~0xfff)); return true; }
      if (opcode !== 0x13 && (opcode !== 0x33 || (bits >>> 25 !== 0 && (bits >>> 25 !== 32 || funct !== 0)))) return false;
      const left = x((bits >>> 15) & 31), right = opcode === 0x13 ? BigInt(bits >> 20) : x((bits >>> 20) & 31);
      if (funct === 0) set(opcode === 0x33 && bits >>> 25 === 32 ? left - right : left + right);
      else if (funct === 4) set(left ^ right);
      else if (funct === 6) set(left | right);
      else if (funct === 7) set(left & right);
      else if (funct === 1 && opcode === 0x13 && bits >>> 26 === 0) set(left << (right & 63n));
      else return false;
      return true;
    }

    /** From `pc` on: performs accesses to the device within reach, and the instructions between them. Returns where the guest continues. */
    function lookAhead(own: Syscalls, guest: Guest, from: number): number {
      let pc = from;
      for (let accesses = 1, between = 0; accesses < MOST; pc += 4) {
        const bits = wordAt(own, guest, pc), access = bits === undefined ? undefined : accessOf(bits);
        if (bits === undefined) return pc;
        if (!access) {
          if (++between > REACH || !compute(own, bits)) return pc;
          continue;
        }
        const address = Number(access.base === 0 ? 0n : own.utcb.xBig(access.base)) + access.offset;
        if (!inDevice(address, access.size)) return pc;
        perform(own, guest, access, address);
        accesses++;
        between = 0;
      }
      return pc;
    }

    function* fault(own: Syscalls, guest: Guest): Sys<Reply> {
      const utcb = own.utcb, address = utcb.word(1), pc = utcb.pc;
      if (!inDevice(address, 1)) {
        const page = Math.floor(address / PAGE), frame = yield* frameOf(own, guest, page);
        return { label: Resume.go, items: [{ flexpage: memoryPage(frame, 12, Right.RWX), dest: page * PAGE }] };
      }
      const bits = wordAt(own, guest, pc), access = bits === undefined ? undefined : accessOf(bits);
      if (!access) return { label: Resume.stop };
      perform(own, guest, access, address);
      utcb.pc = lookAhead(own, guest, pc + 4);
      return { label: Resume.go, mtd: Mtd.pc | Mtd.args | Mtd.regs };
    }

    yield* serve<Guest>(sys, env, 'ahead', {
      mtd: Mtd.exit | Mtd.args | Mtd.regs | Mtd.pc,
      open: () => ({ frames: new Map(), device: new Device() }),
      *request(own, { state: guest }: Client<Guest>): Sys<Reply> {
        const { label } = own.utcb, at = own.utcb.word(0), value = own.utcb.bigWord(1);
        if (label === Cause.pageFault) return yield* fault(own, guest);
        if (label !== STORE) return { label: Status.badOp };
        own.memory.setU64((yield* frameOf(own, guest, Math.floor(at / PAGE))) + at % PAGE, BigInt.asUintN(64, value));
        return {};
      },
    });
  },
};
export default ahead;
