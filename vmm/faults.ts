/** The same fault of a guest's kernel, again and again: the monitor gives it to the guest's handler, and it can do nothing with it. */
const MOST_REPEATED = 10_000;

interface Fault { readonly pc: bigint; readonly cause: number }

export class RepeatedFaults {
  /** The trap for which the handler had been called when it first faulted so. */
  first: Fault = { pc: 0n, cause: 0 };
  private pc = -1n;
  private value = 0n;
  private cause = -1;
  private count = 0;

  /** A fault of the guest's kernel; `entered`: the trap that it handles. Answers whether there have been too many of the same. */
  again(pc: bigint, cause: number, value: bigint, entered: Fault): boolean {
    if (pc === this.pc && cause === this.cause && value === this.value) return ++this.count > MOST_REPEATED;
    this.pc = pc;
    this.cause = cause;
    this.value = value;
    this.count = 0;
    this.first = entered;
    return false;
  }
  /** Something else has happened. */
  forget(): void { this.pc = -1n; }
}
