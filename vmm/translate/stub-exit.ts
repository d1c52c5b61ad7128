/**
 * An event has met a processor in a stub, or behind one where a register is not the guest's yet. Before anything else is done, the
 * registers become the guest's, and the sensitive instruction is done: by the stub, or here.
 */
import type { Decoded } from '../../hardware/isa/decode.ts';
import type { Sys } from '../../microkernel/abi/index.ts';
import { load } from '../interpreter/load.ts';
import { compute, isPlain } from '../interpreter/plain.ts';
import { placeOf } from '../memory/walker.ts';
import type { GuestRam } from '../ram.ts';
import type { Hands } from './guest-code.ts';
import { Unrunnable } from './scanned.ts';
import type { Lost } from './stub-code.ts';
import type { Stub, Stubs } from './stubs.ts';
import { Field, type VirtualState } from './virtual-state.ts';

const signed = (value: bigint): bigint => BigInt.asIntN(64, value), ILLEGAL = 2n;

export class StubExit {
  readonly #stubs: Stubs;
  readonly #state: VirtualState;
  readonly #hands: Hands;
  readonly #ram: GuestRam;
  constructor(stubs: Stubs, state: VirtualState, hands: Hands, ram: GuestRam) {
    this.#stubs = stubs;
    this.#ram = ram;
    this.#state = state;
    this.#hands = hands;
  }

  /** Is a processor at this address (signed) in a stub, or where one may just have come back? */
  concerns(at: number): boolean { return this.#stubs.inside(at) !== undefined || this.#stubs.behind(at) !== undefined; }
  /** True: the processor has been brought on, and is somewhere else now. */
  *leave(pc: bigint): Sys<boolean> {
    const at = Number(signed(pc)), inside = this.#stubs.inside(at);
    if (!inside) return this.#isBehind(at);
    const { stub, line } = inside, { done, lost } = stub.lines[line] ?? { done: false, lost: [] };
    for (const register of lost) this.#restore(register);
    if (done) this.#hands.setPc(BigInt(stub.next));
    else if (!(yield* this.#hands.execute(stub.decoded, BigInt(stub.site))))
      this.#hands.reflect(ILLEGAL, BigInt(stub.decoded.word >>> 0), BigInt(stub.site));
    if (!stub.spills) this.#finish(stub, stub.next);
    return true;
  }
  #restore(lost: Lost): void {
    const { x } = this.#hands, { register } = lost;
    x.set(register, 'spilled' in lost ? signed(this.#state.get(Field.spill)) : 'is' in lost ? lost.is : x.get(register) + lost.add);
  }

  /** Behind a stub: the free register comes back, or the instructions up to the one that writes it are done here (true). */
  #isBehind(at: number): boolean {
    const stub = this.#stubs.behind(at);
    if (!stub || signed(this.#hands.x.get(stub.free.register)) !== stub.left) return false;
    if (stub.spills) this.#restore({ register: stub.free.register, spilled: true });
    else this.#finish(stub, at);
    return !stub.spills;
  }
  #finish({ free, page }: Stub, from: number): void {
    for (const { offset, decoded } of free.window) {
      if (page + offset < from) continue;
      if (isPlain(decoded)) compute(decoded, this.#hands.x, BigInt(page + offset));
      else this.#load(decoded, page + offset);
    }
    this.#hands.setPc(BigInt(page + free.end));
  }
  /** @throws Unrunnable: a register is lost, so the guest's handler cannot be told of a fault */
  #load(decoded: Decoded, at: number): void {
    const { x, view, setPc } = this.#hands, { rs1, imm } = decoded.operands;
    const gpa = placeOf(this.#ram, view(), x.get(rs1!) + BigInt(imm ?? 0), 'load');
    if (gpa !== undefined && this.#ram.isRam(gpa, 8) && load(decoded, x, this.#ram, gpa)) return;
    setPc(BigInt(at));
    throw new Unrunnable('loads from its stack or thread, where there is nothing');
  }
}
