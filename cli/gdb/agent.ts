/**
 * Agent expressions: conditions of breakpoints, compiled by GDB to a stack machine's code, so that a breakpoint whose
 * condition is false needs no conversation. Values are 64 bits; constants in the code are big-endian.
 * @spec gdb "Agent Expressions"
 */

/** The state that an expression can read. Each function throws `AgentFault` where there is nothing. */
export interface AgentView {
  register(n: number): bigint;
  /** Unsigned, `bytes` = 1, 2, 4 or 8. */
  memory(address: bigint, bytes: number): bigint;
}

/** The expression cannot be evaluated. */
export class AgentFault extends Error {}

/** Operations after which an expression that loops is given up. */
const MOST_STEPS = 10_000;
const END = 0x27;
const signed = (v: bigint): bigint => BigInt.asIntN(64, v);
const unsigned = (v: bigint): bigint => BigInt.asUintN(64, v);
const truth = (b: boolean): bigint => (b ? 1n : 0n);

function divisor(value: bigint): bigint {
  if (value === 0n) throw new AgentFault('division by zero');
  return value;
}

/** Operations on the two topmost values (`b` on top), by code. */
const BINARY: Readonly<Record<number, ((a: bigint, b: bigint) => bigint) | undefined>> = {
  0x02: (a, b) => a + b, 0x03: (a, b) => a - b, 0x04: (a, b) => a * b,
  0x05: (a, b) => signed(a) / divisor(signed(b)), 0x06: (a, b) => unsigned(a) / divisor(unsigned(b)),
  0x07: (a, b) => signed(a) % divisor(signed(b)), 0x08: (a, b) => unsigned(a) % divisor(unsigned(b)),
  0x09: (a, b) => (unsigned(b) > 63n ? 0n : a << unsigned(b)), 0x0a: (a, b) => signed(a) >> (unsigned(b) > 63n ? 63n : unsigned(b)),
  0x0b: (a, b) => (unsigned(b) > 63n ? 0n : unsigned(a) >> unsigned(b)),
  0x0f: (a, b) => a & b, 0x10: (a, b) => a | b, 0x11: (a, b) => a ^ b,
  0x13: (a, b) => truth(unsigned(a) === unsigned(b)), 0x14: (a, b) => truth(signed(a) < signed(b)),
  0x15: (a, b) => truth(unsigned(a) < unsigned(b)),
};

/** Bytes of a memory reference, by code; of a constant. */
const REFERENCES: Readonly<Record<number, number | undefined>> = { 0x17: 1, 0x18: 2, 0x19: 4, 0x1a: 8 };
const CONSTANTS: Readonly<Record<number, number | undefined>> = { 0x22: 1, 0x23: 2, 0x24: 4, 0x25: 8 };

class Evaluation {
  readonly #code: Uint8Array;
  readonly #view: AgentView;
  readonly #stack: bigint[] = [];
  #pc = 0;

  constructor(code: Uint8Array, view: AgentView) {
    this.#code = code;
    this.#view = view;
  }

  run(): bigint {
    for (let n = 0; n < MOST_STEPS; n++) {
      const op = Number(this.#operand(1));
      if (op === END) return this.#pop();
      this.#do(op);
    }
    throw new AgentFault('it does not end');
  }

  #do(op: number): void {
    const binary = BINARY[op];
    const reference = REFERENCES[op];
    const constant = CONSTANTS[op];
    if (binary !== undefined) {
      const right = this.#pop();
      this.#push(binary(this.#pop(), right));
    } else if (reference !== undefined) this.#push(this.#view.memory(unsigned(this.#pop()), reference));
    else if (constant !== undefined) this.#push(this.#operand(constant));
    else this.#other(op);
  }

  #other(op: number): void {
    switch (op) {
      case 0x0e: return this.#push(truth(this.#pop() === 0n));
      case 0x12: return this.#push(~this.#pop());
      case 0x16: return this.#push(BigInt.asIntN(Number(this.#operand(1)), this.#pop()));
      case 0x2a: return this.#push(BigInt.asUintN(Number(this.#operand(1)), this.#pop()));
      case 0x20: return this.#jump(this.#pop() !== 0n);
      case 0x21: return this.#jump(true);
      case 0x26: return this.#push(this.#view.register(Number(this.#operand(2))));
      case 0x28: return this.#push(this.#at(0));
      case 0x29: return void this.#pop();
      case 0x2b: return this.#push(this.#take(1));
      case 0x32: return this.#push(this.#at(Number(this.#operand(1))));
      case 0x33: return void this.#stack.splice(-3, 3, this.#at(0), this.#at(2), this.#at(1));
      default: throw new AgentFault(`operation 0x${op.toString(16)}`);
    }
  }

  #jump(taken: boolean): void {
    const to = Number(this.#operand(2));
    if (taken) this.#pc = to;
  }

  #operand(bytes: number): bigint {
    let value = 0n;
    for (let i = 0; i < bytes; i++) {
      const byte = this.#code[this.#pc++];
      if (byte === undefined) throw new AgentFault('it is cut off');
      value = (value << 8n) | BigInt(byte);
    }
    return value;
  }

  #push(value: bigint): void { this.#stack.push(signed(value)); }
  #pop(): bigint { return this.#take(0); }

  /** The value so many below the top. */
  #at(depth: number): bigint {
    const value = this.#stack.at(-1 - depth);
    if (value === undefined) throw new AgentFault('its stack is empty');
    return value;
  }

  #take(depth: number): bigint {
    const value = this.#at(depth);
    this.#stack.splice(this.#stack.length - 1 - depth, 1);
    return value;
  }
}

/** The value of an expression. @throws AgentFault */
export const evaluate = (code: Uint8Array, view: AgentView): bigint => new Evaluation(code, view).run();
