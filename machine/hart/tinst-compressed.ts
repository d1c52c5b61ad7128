/** The compressed loads and stores as the 32-bit instructions they stand for. @spec unpriv 27.3, 28.8 */

const LOADS = { funct: [0x03, 0x07], f3: { w: 2, d: 3 } } as const;

/** The full instruction for a compressed load or store; 0 for anything else. The immediate is exact. */
export function expandMemory(c: number): number {
  const funct3 = (c >> 13) & 7;
  const quadrant = c & 3;
  if (quadrant === 0) return registerForm(c, funct3);
  return quadrant === 2 ? stackForm(c, funct3) : 0;
}

/** c.fld c.lw c.ld, c.fsd c.sw c.sd, and Zcb's byte and halfword forms (funct3 = 4). */
function registerForm(c: number, funct3: number): number {
  const reg = 8 + ((c >> 2) & 7);
  const base = 8 + ((c >> 7) & 7);
  if (funct3 === 4) return smallForm(c, reg, base);
  const word = (funct3 & 3) === 2;
  const upper = ((c >> 10) & 7) << 3;
  const imm = word ? upper | ((c >> 6) & 1) << 2 | ((c >> 5) & 1) << 6 : upper | ((c >> 5) & 3) << 6;
  const opcode = LOADS.funct[(funct3 & 3) === 1 ? 1 : 0];
  const f3 = word ? LOADS.f3.w : LOADS.f3.d;
  if ((funct3 & 3) === 0) return 0;
  return funct3 < 4 ? load(opcode, f3, reg, base, imm) : store(opcode | 0x20, f3, reg, base, imm);
}

function smallForm(c: number, reg: number, base: number): number {
  const half = ((c >> 5) & 1) << 1;
  const byte = half | ((c >> 6) & 1);
  switch ((c >> 10) & 7) {
    case 0: return load(0x03, 4, reg, base, byte);
    case 1: return load(0x03, (c & 0x40) !== 0 ? 1 : 5, reg, base, half);
    case 2: return store(0x23, 0, reg, base, byte);
    case 3: return store(0x23, 1, reg, base, half);
    default: return 0;
  }
}

function stackForm(c: number, funct3: number): number {
  const size = funct3 & 3;
  if (size === 0) return 0;
  const opcode = size === 1 ? 0x07 : 0x03;
  const f3 = size === 2 ? LOADS.f3.w : LOADS.f3.d;
  if (funct3 < 4) {
    const low = ((c >> 12) & 1) << 5;
    const imm = size === 2 ? low | ((c >> 4) & 7) << 2 | ((c >> 2) & 3) << 6 : low | ((c >> 5) & 3) << 3 | ((c >> 2) & 7) << 6;
    return load(opcode, f3, (c >> 7) & 31, 2, imm);
  }
  const imm = size === 2 ? ((c >> 9) & 15) << 2 | ((c >> 7) & 3) << 6 : ((c >> 10) & 7) << 3 | ((c >> 7) & 7) << 6;
  return store(opcode | 0x20, f3, (c >> 2) & 31, 2, imm);
}

function load(opcode: number, f3: number, rd: number, rs1: number, imm: number): number {
  return (imm << 20) | (rs1 << 15) | (f3 << 12) | (rd << 7) | opcode;
}

function store(opcode: number, f3: number, rs2: number, rs1: number, imm: number): number {
  return ((imm >> 5) << 25) | (rs2 << 20) | (rs1 << 15) | (f3 << 12) | ((imm & 31) << 7) | opcode;
}
