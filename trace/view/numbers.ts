/** A growing list of 32-bit numbers in blocks: growing it copies nothing, so no key waits for it. */
const SHIFT = 16, BLOCK = 1 << SHIFT, MASK = BLOCK - 1;

export class Numbers {
  private readonly blocks: Uint32Array[] = [];
  length = 0;

  /** 0 beyond the end. */
  get(index: number): number { const block = this.blocks[index >>> SHIFT]; return block ? block[index & MASK]! : 0; }
  set(index: number, value: number): void {
    while (index >>> SHIFT >= this.blocks.length) this.blocks.push(new Uint32Array(BLOCK));
    this.blocks[index >>> SHIFT]![index & MASK] = value;
    if (index >= this.length) this.length = index + 1;
  }
  push(value: number): void { this.set(this.length, value); }

  /** First position whose number is not below `value`, in a list that ascends. */
  position(value: number): number {
    let low = 0, high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.get(middle) < value) low = middle + 1; else high = middle;
    }
    return low;
  }
}
