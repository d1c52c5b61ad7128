/**
 * Code that does a sensitive instruction on the page of virtual state instead of leaving the guest. Nothing that the guest can see is
 * lost on the way: a register that is overwritten is spilled to the page first, or its value is known, or nobody reads it; so whenever an
 * event comes in between, the monitor can put all registers right and take the instruction as done, or do it itself.
 *
 *   csrrci a1, sstatus, 2   ⇒   jalr zero, -2048(zero)  ⇒  … amoand.d a1, a1, (a4) … jalr zero, 12(a4)
 */
import { assemble } from '../../hardware/isa/assemble.ts';
import type { Decoded } from '../../hardware/isa/decode.ts';
import { xName } from '../../hardware/isa/registers.ts';
import { Csr } from '../cpu/supervisor.ts';
import { Field, FIELD_OF } from './virtual-state.ts';

/** Where the guest's value of a register is. */
export type Lost = { readonly register: number } & ({ readonly spilled: true } | { readonly is: bigint } | { readonly add: bigint });
/** One instruction of a stub, and what holds before it: has the sensitive one been done? which registers are not the guest's? */
interface Line { readonly text: (pc: number) => string; readonly done: boolean; readonly lost: readonly Lost[] }
export interface StubCode {
  readonly bytes: Uint8Array;
  readonly lines: readonly Line[];
  /** What the free register holds behind the stub: such a value tells the monitor that it is not the guest's. */
  readonly left: bigint;
}
type Kind = 'save' | 'restore' | 'off' | 'on' | 'read' | 'write' | 'fence';

const SIE = 2, T0 = 5, T1 = 6;
/** Bytes that a stub may have. */
export const SLOT = 128;

/** Which kind of stub would do it; undefined: none, it leaves the guest. */
export function kindOf({ row: { name }, operands: { csr = 0, rd = 0, rs1 = 0, rs2 = 0, zimm = 0 } }: Decoded): Kind | undefined {
  if (name === 'sfence.vma') return rs1 !== 0 && rs2 === 0 ? 'fence' : undefined;
  if (name === 'csrrs' && rs1 === 0 && rd !== 0) return FIELD_OF.has(csr) ? 'read' : undefined;
  if (csr === Csr.sscratch) return name === 'csrrw' && rd === 0 ? 'write' : undefined;
  if (csr !== Csr.sstatus) return undefined;
  if (name === 'csrrci' && zimm === SIE) return rd === 0 ? 'off' : 'save';
  if (name === 'csrrsi' && zimm === SIE && rd === 0) return 'on';
  return name === 'csrrs' && rd === 0 ? 'restore' : undefined;
}
/** Only a window that the monitor can finish will do: the stub begins without a register in whose place it could spill another one. */
export const needsPlain = (kind: Kind): boolean => kind === 'off' || kind === 'on' || kind === 'write' || kind === 'fence';

interface Request {
  readonly decoded: Decoded;
  readonly kind: Kind;
  /** The register that is free behind it. */
  readonly free: number;
  /** Addresses: of the stub, the page of state, and the instruction behind the sensitive one. */
  readonly stub: number;
  readonly state: number;
  readonly next: number;
}

const at = (text: string): ((pc: number) => string) => () => text;
const line = (text: string | ((pc: number) => string), done: boolean, ...lost: readonly Lost[]): Line =>
  ({ text: typeof text === 'string' ? at(text) : text, done, lost });
/** `auipc` and an instruction that adds the rest: of a distance from the first one. */
const high = (to: number, pc: number): number => Math.floor((to - pc + 0x800) / 0x1000);
const low = (to: number, pc: number): number => to - pc - high(to, pc) * 0x1000;
/** `lui` without its sign, and an instruction that adds the rest: of an address below 4 GiB. */
const upper = (to: number): number => Math.floor((to + 0x800) / 0x1000);
const rest = (to: number): number => to - upper(to) * 0x1000;
/** Can a stub at `stub` come back to `next`? */
export const reaches = (stub: number, next: number): boolean => (next < 0 ? stub - next < 2 ** 31 - 2 ** 13
  : next > 0x1000 && next < 2 ** 32 - 2 ** 13);
const auipc = (register: string, to: number) => (pc: number): string => `auipc ${register}, ${high(to, pc) & 0xf_ffff}`;

class Draft {
  readonly lines: Line[] = [];
  readonly labels = new Map<number, string>();
  left = 0n;
  readonly request: Request;
  constructor(request: Request) { this.request = request; }

  get text(): string {
    return this.lines.map((l, i) => `${this.labels.get(i) ?? `line${i}`}: ${l.text(this.request.stub + 4 * i)}`).join('\n');
  }
  /** The next instruction is called so. */
  label(name: string): this { this.labels.set(this.lines.length, name); return this; }
  add(...lines: Line[]): this { this.lines.push(...lines); return this; }
  /** Two instructions: `register` becomes an address, and the second one uses the rest of it. `then`: what holds before the second. */
  reach(register: string, to: number, use: (rest: number) => string, first: Line, then: Line = first): this {
    const at = this.request.stub + 4 * this.lines.length;
    return this.add({ ...first, text: auipc(register, to) }, { ...then, text: () => use(low(to, at)) });
  }
  field(register: string, field: number, use: (rest: number) => string, first: Line, then?: Line): this {
    return this.reach(register, this.request.state + field, use, first, then);
  }
  /** Back to the guest, through the free register. */
  back(...lost: readonly Lost[]): this {
    const { free, next, stub } = this.request, scratch = xName(free);
    this.left = BigInt(next - (next < 0 ? low(next, stub + 4 * this.lines.length) : rest(next)));
    if (next < 0) return this.reach(scratch, next, (rest) => `jalr zero, ${rest}(${scratch})`, line('', true, ...lost));
    return this.add(...[
      `lui ${scratch}, ${upper(next)}`, `slli ${scratch}, ${scratch}, 32`, `srli ${scratch}, ${scratch}, 32`,
      `jalr zero, ${rest(next)}(${scratch})`,
    ].map((text) => line(text, true, ...lost)));
  }
}

export function stubFor(request: Request): StubCode {
  const draft = new Draft(request);
  MAKERS[request.kind](draft, request);
  return { bytes: assemble(draft.text, BigInt.asUintN(64, BigInt(request.stub))).bytes, lines: draft.lines, left: draft.left };
}

const MAKERS: Readonly<Record<Kind, (draft: Draft, request: Request) => void>> = { save, restore, off: (d, r) => { turn(d, r, false); },
  on: (d, r) => { turn(d, r, true); }, read, write, fence };

/** csrrci rd, sstatus, SIE: rd takes the page's address until it takes the old value. */
function save(draft: Draft, { decoded, free }: Request): void {
  const target = xName(decoded.operands.rd!), scratch = xName(free), spilled: Lost = { register: free, spilled: true };
  draft.field(target, Field.spill, (rest) => `sd ${scratch}, ${rest}(${target})`, line('', false))
    .field(scratch, Field.status, (rest) => `addi ${scratch}, ${scratch}, ${rest}`, line('', false), line('', false, spilled))
    .add(line(`addi ${target}, zero, ${~SIE}`, false, spilled), line(`amoand.d ${target}, ${target}, (${scratch})`, false, spilled))
    .back(spilled);
}

/** csrrs zero, sstatus, rs1, where rs1 is nothing or SIE: then its value is known, and it takes the page's address meanwhile. */
function restore(draft: Draft, { decoded, free }: Request): void {
  const register = decoded.operands.rs1!, source = xName(register), scratch = xName(free),
    spilled: Lost = { register: free, spilled: true };
  const less: Lost = { register, add: BigInt(SIE) }, is = (value: number): Lost => ({ register, is: BigInt(value) });
  draft.add(line(`beqz ${source}, nothing`, false), line(`addi ${source}, ${source}, ${-SIE}`, false),
    line(`bnez ${source}, more`, false, less))
    .field(source, Field.spill, (rest) => `sd ${scratch}, ${rest}(${source})`, line('', false, is(SIE)))
    .field(scratch, Field.status, (rest) => `addi ${scratch}, ${scratch}, ${rest}`, line('', false, is(SIE)),
      line('', false, is(SIE), spilled))
    .add(line(`addi ${source}, zero, ${SIE}`, false, is(SIE), spilled), line(`amoor.d zero, ${source}, (${scratch})`, false, spilled),
      line(`ld ${scratch}, ${Field.pending - Field.status}(${scratch})`, true, spilled), line(`bnez ${scratch}, waits`, true, spilled))
    .label('out').back(spilled)
    .label('nothing').field(source, Field.spill, (rest) => `sd ${scratch}, ${rest}(${source})`, line('', false, is(0)))
    .add(line(`addi ${source}, zero, 0`, false, is(0)), line('j out', true, spilled))
    .label('more').add(line(`addi ${source}, ${source}, ${SIE}`, false, less), line('ebreak', false))
    .label('waits').add(line('ebreak', true, spilled));
}

/** csrrci or csrrsi zero, sstatus, SIE: the free register takes the page's address, another one is spilled. */
function turn(draft: Draft, { free }: Request, on: boolean): void {
  const other = free === T0 ? T1 : T0, scratch = xName(free), second = xName(other), spilled: Lost = { register: other, spilled: true };
  const spill = Field.spill - Field.status;
  draft.field(scratch, Field.status, (rest) => `addi ${scratch}, ${scratch}, ${rest}`, line('', false))
    .add(line(`sd ${second}, ${spill}(${scratch})`, false), line(`addi ${second}, zero, ${on ? SIE : ~SIE}`, false, spilled),
      line(`${on ? 'amoor' : 'amoand'}.d zero, ${second}, (${scratch})`, false, spilled));
  const pending = Field.pending - Field.status;
  if (on) draft.add(line(`ld ${second}, ${pending}(${scratch})`, true, spilled), line(`bnez ${second}, waits`, true, spilled));
  draft.add(line(`ld ${second}, ${spill}(${scratch})`, true, spilled)).back();
  if (on) draft.label('waits').add(line('ebreak', true, spilled));
}

/** csrrs rd, field, zero. */
function read(draft: Draft, { decoded: { operands: { rd, csr } }, free }: Request): void {
  const target = xName(rd!), scratch = xName(free), spill = Field.spill - FIELD_OF.get(csr!)!;
  draft.field(target, FIELD_OF.get(csr!)!, (rest) => `addi ${target}, ${target}, ${rest}`, line('', false))
    .add(line(`sd ${scratch}, ${spill}(${target})`, false), line(`ld ${target}, 0(${target})`, false))
    .back({ register: free, spilled: true });
}

/** csrrw zero, sscratch, rs1. */
function write(draft: Draft, { decoded: { operands: { rs1, csr } }, free }: Request): void {
  const scratch = xName(free);
  draft.field(scratch, FIELD_OF.get(csr!)!, (rest) => `sd ${xName(rs1!)}, ${rest}(${scratch})`, line('', false)).back();
}

/** sfence.vma rs1, zero: nothing, where no shadow has the page; otherwise it leaves the guest. */
function fence(draft: Draft, { decoded: { operands: { rs1 } }, free }: Request): void {
  const scratch = xName(free);
  draft.field(scratch, Field.absent, (rest) => `ld ${scratch}, ${rest}(${scratch})`, line('', false))
    .add(line(`bne ${scratch}, ${xName(rs1!)}, other`, false)).back()
    .label('other').add(line('ebreak', false));
}
