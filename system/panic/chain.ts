/**
 * The call chain of a kernel, by its frame pointers: code with frame pointers (s0) stores the caller's return address at s0 - 8 and its s0
 * at s0 - 16; a leaf function stores only the caller's s0, at s0 - 8. Where the chain reaches Linux's trap entry, the registers saved there
 * continue it.
 */
import type { FunctionNames } from './names.ts';

/** The doubleword at a virtual address, unsigned; undefined: it cannot be read. */
export type ReadWord = (va: bigint) => bigint | undefined;
export interface Registers { readonly pc: bigint; readonly ra: bigint; readonly sp: bigint; readonly fp: bigint }
/** A trap that the kernel was handling: its cause, its pc, and its address or instruction. */
export interface Trap { readonly cause: bigint; readonly pc: bigint; readonly value: bigint }
/** `pc`: of the innermost frame, and return addresses of the others. `trap`: the trap that interrupted the following frames. */
export interface Frame { readonly pc: bigint; readonly trap?: Trap }

const MOST_FRAMES = 64;
/** Frames of kernels are smaller, so a frame pointer that leads further is wrong. */
const LARGEST_FRAME = 0x1_0000n;
const TRAP_ENTRY = /^(handle_exception|ret_from_exception)/;
/** Offsets in what Linux's trap entry saves (struct pt_regs). */
const Saved = { pc: 0n, ra: 8n, sp: 16n, fp: 64n, value: 264n, cause: 272n } as const;

export function callChain(read: ReadWord, { pc, ra, sp, fp }: Registers, names: FunctionNames): Frame[] {
  const frames: Frame[] = [{ pc }];
  /** In a leaf function it is only in the register. */
  let returns: bigint | undefined = ra;
  while (frames.length < MOST_FRAMES && isAbove(fp, sp)) {
    const back = read(fp - 8n), callers = read(fp - 16n), leaf = back !== undefined && isAbove(back, sp);
    if (!back || (callers === undefined && !leaf)) break;
    sp = fp;
    fp = leaf ? back : callers!;
    const at: bigint | undefined = leaf ? returns : back, trap: Trap | undefined = at !== undefined && isTrapEntry(names, at)
      ? savedTrap(read, sp) : undefined;
    if (at !== undefined) frames.push(trap ? { pc: at, trap } : { pc: at });
    returns = undefined;
    if (!trap) continue;
    frames.push({ pc: trap.pc });
    returns = read(sp + Saved.ra);
    fp = read(sp + Saved.fp) ?? 0n;
    sp = read(sp + Saved.sp) ?? 0n;
  }
  return withCaller(frames, ra, names);
}

/** At the beginning and the end of a function s0 is the caller's, and only ra names the caller. */
function withCaller(frames: Frame[], ra: bigint, names: FunctionNames): Frame[] {
  const [own, caller] = frames.map((f) => names.at(signed(f.pc))), from = names.at(signed(ra) - 1);
  return from === undefined || from === own || from === caller ? frames : [frames[0]!, { pc: ra }, ...frames.slice(1)];
}

/** Can a stack frame begin there? */
const isAbove = (at: bigint, sp: bigint): boolean => at % 8n === 0n && at > sp && at - sp < LARGEST_FRAME;

/** A return address may be the beginning of what follows the call. */
function isTrapEntry(names: FunctionNames, back: bigint): boolean {
  return [back, back - 1n].some((at) => TRAP_ENTRY.test(names.at(signed(at)) ?? ''));
}
function savedTrap(read: ReadWord, at: bigint): Trap | undefined {
  const pc = read(at + Saved.pc), value = read(at + Saved.value), cause = read(at + Saved.cause);
  return pc === undefined || value === undefined || cause === undefined ? undefined : { pc, value, cause };
}

export const signed = (address: bigint): number => Number(BigInt.asIntN(64, address));
