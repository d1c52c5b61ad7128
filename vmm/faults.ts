/** Detects a guest kernel that repeats the same fault: the monitor injects it, and the guest's handler faults again. */
const MOST_REPEATED = 10_000;

interface Fault { readonly pc: bigint; readonly cause: number }

export class RepeatedFaults {
  /** The trap that the handler was serving at the first of these faults. */
  first: Fault = { pc: 0n, cause: 0 };
  private pc = -1n;
  private value = 0n;
  private cause = -1;
  private count = 0;

  /** Counts a fault of the guest's kernel; `entered`: the trap that it handles. Returns whether there are too many of the same. */
  again(pc: bigint, cause: number, value: bigint, entered: Fault): boolean {
    if (pc === this.pc && cause === this.cause && value === this.value) return ++this.count > MOST_REPEATED;
    this.pc = pc;
    this.cause = cause;
    this.value = value;
    this.count = 0;
    this.first = entered;
    return false;
  }
  /** Resets the count after any other event. */
  forget(): void { this.pc = -1n; }
}
