/**
 * Classic BPF for seccomp: programs of (code, jt, jf, k) over the 64 bytes of struct seccomp_data, checked once so that running
 * them needs no checks: jumps lead forward and stay inside, memory is written before it is read, the last instruction returns.
 */
export interface Instruction { readonly code: number; readonly jt: number; readonly jf: number; readonly k: number }

export const DATA_SIZE = 64, MOST_INSTRUCTIONS = 4096;
const MEMORY = 16;
const Class = { LD: 0, LDX: 1, ST: 2, STX: 3, ALU: 4, JMP: 5, RET: 6, MISC: 7 } as const;
const SRC_X = 8, W_ABS = 0x20, W_LEN = 0x80, IMM = 0, MEM = 0x60, RET_A = 0x10, TXA = 0x80;
const Alu = { ADD: 0x00, SUB: 0x10, MUL: 0x20, DIV: 0x30, OR: 0x40, AND: 0x50, LSH: 0x60, RSH: 0x70, NEG: 0x80, XOR: 0xa0 } as const;
const Jump = { JA: 0x00, JEQ: 0x10, JGT: 0x20, JGE: 0x30, JSET: 0x40 } as const;

const loads = (x: number): boolean => x === IMM || x === MEM || x === W_LEN;
/** Whether seccomp permits the instruction with these operands. */
function known(i: Instruction): boolean {
  const op = i.code & 0xf8, uses = (i.code & SRC_X) !== 0;
  switch (i.code & 7) {
    case Class.LD: return op === W_ABS ? i.k % 4 === 0 && i.k < DATA_SIZE : loads(op) && (op !== MEM || i.k < MEMORY);
    case Class.LDX: return loads(op) && (op !== MEM || i.k < MEMORY);
    case Class.ST: case Class.STX: return op === 0 && i.k < MEMORY;
    case Class.ALU: return knownAlu(i.code & 0xf0, uses, i.k);
    case Class.JMP: return (i.code & 0xf0) === Jump.JA ? !uses : (i.code & 0xf0) <= Jump.JSET;
    case Class.RET: return op === 0 || op === RET_A;
    default: return op === 0 || op === TXA;
  }
}
function knownAlu(op: number, uses: boolean, k: number): boolean {
  if (op === Alu.NEG) return !uses;
  if (!uses && (op === Alu.LSH || op === Alu.RSH)) return k < 32;
  if (!uses && op === Alu.DIV) return k !== 0;
  return Object.values(Alu).includes(op as never);
}
/** Whether a program may run. */
export function validProgram(program: readonly Instruction[]): boolean {
  const n = program.length, last = program[n - 1];
  if (n === 0 || n > MOST_INSTRUCTIONS || !last || (last.code & 7) !== Class.RET) return false;
  /** Memory cells that are written before an instruction on every path to it. */
  const written = new Array<number>(n).fill(0xffff);
  for (let pc = 0, set = 0; pc < n; pc++) {
    const i = program[pc]!, kind = i.code & 7, isMemory = (i.code & 0xe0) === MEM;
    if (!known(i)) return false;
    set &= written[pc]!;
    if ((kind === Class.LD || kind === Class.LDX) && isMemory && !(set & (1 << i.k))) return false;
    if (kind === Class.ST || kind === Class.STX) set |= 1 << i.k;
    if (kind !== Class.JMP) continue;
    const always = (i.code & 0xf0) === Jump.JA;
    for (const jump of always ? [i.k] : [i.jt, i.jf]) {
      if (pc + 1 + jump >= n) return false;
      written[pc + 1 + jump]! &= set;
    }
    set = 0xffff;
  }
  return true;
}

function alu(op: number, left: number, right: number): number | undefined {
  switch (op) {
    case Alu.ADD: return (left + right) >>> 0;
    case Alu.SUB: return (left - right) >>> 0;
    case Alu.MUL: return Math.imul(left, right) >>> 0;
    case Alu.DIV: return right === 0 ? undefined : Math.floor(left / right);
    case Alu.OR: return (left | right) >>> 0;
    case Alu.AND: return (left & right) >>> 0;
    case Alu.LSH: return right > 31 ? 0 : (left << right) >>> 0;
    case Alu.RSH: return right > 31 ? 0 : left >>> right;
    case Alu.XOR: return (left ^ right) >>> 0;
    default: return -left >>> 0;
  }
}
function jumps(op: number, a: number, b: number): boolean {
  return op === Jump.JEQ ? a === b : op === Jump.JGT ? a > b : op === Jump.JGE ? a >= b : (a & b) !== 0;
}

/** Runs a valid program on these data (32-bit words). */
export function runProgram(program: readonly Instruction[], data: Uint32Array): number {
  const memory = new Uint32Array(MEMORY);
  let accumulator = 0, x = 0;
  for (let pc = 0; ; pc++) {
    const { code, jt, jf, k } = program[pc]!, operand = code & SRC_X ? x : k;
    switch (code & 7) {
      case Class.LD: accumulator = load(code, k, memory, data); break;
      case Class.LDX: x = load(code, k, memory, data); break;
      case Class.ST: memory[k] = accumulator; break;
      case Class.STX: memory[k] = x; break;
      case Class.ALU: {
        const result = alu(code & 0xf0, accumulator, operand);
        if (result === undefined) return 0;
        accumulator = result;
        break;
      }
      case Class.JMP: pc += (code & 0xf0) === Jump.JA ? k : jumps(code & 0xf0, accumulator, operand) ? jt : jf; break;
      case Class.RET: return code & RET_A ? accumulator : k;
      default: if (code & TXA) accumulator = x; else x = accumulator;
    }
  }
}
function load(code: number, k: number, memory: Uint32Array, data: Uint32Array): number {
  const mode = code & 0xe0;
  return mode === W_ABS ? data[k >> 2]! : mode === MEM ? memory[k]! : mode === W_LEN ? DATA_SIZE : k;
}
