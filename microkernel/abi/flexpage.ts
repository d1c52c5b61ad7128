/**
 * A flexpage: a naturally aligned power-of-two range of an address space or of a capability space, with rights.
 * One 64-bit word, below 2^53 so that it is an exact number too:
 *
 *    63            12 11 10      4   3     2   1   0
 *   ┌────────────────┬───┬────────┬──────┬───────────┐
 *   │ base page / sel│ 0 │ order  │ kind │ X   W   R │
 *   └────────────────┴───┴────────┴──────┴───────────┘
 *
 * Memory: base is an address (the upper half of a space is negative, as the processor extends its sign), order ≥ 12 is log2 of the bytes;
 * for unmap, order 64 is all of a space. Capabilities: the selector stands in bits 12 and up, order is log2 of their number.
 */
export const Right = { R: 1, W: 2, X: 4, RW: 3, RX: 5, RWX: 7 } as const;
/** Rights of capabilities reuse the three bits: use (send, call), control (change the object), and pass on (map it to others). */
export const CapRight = { use: 1, control: 2, map: 4, all: 7 } as const;

export type Flexpage = number;
const KIND_CAP = 8;

export const memoryPage = (base: number, order: number, rights: number): Flexpage => base + order * 16 + rights;
export const capPage = (selector: number, order = 0, rights: number = CapRight.all): Flexpage =>
  selector * 4096 + order * 16 + KIND_CAP + rights;
export const flexBase = (f: Flexpage): number => Math.floor(f / 4096) * 4096;
export const flexSelector = (f: Flexpage): number => Math.floor(f / 4096);
export const flexOrder = (f: Flexpage): number => (f & 2047) >> 4;
const SIZES = Float64Array.from({ length: 128 }, (_, order) => 2 ** order);
export const flexSize = (f: Flexpage): number => SIZES[flexOrder(f)];
export const flexRights = (f: Flexpage): number => f & 7;
export const isCapPage = (f: Flexpage): boolean => (f & KIND_CAP) !== 0;
/** A task's whole address space, both halves: for unmap. */
export const EVERYTHING = 64;
export const everything = (rights = 0): Flexpage => memoryPage(0, EVERYTHING, rights);
/** The lower half of a task's address space (Sv39: 2^38 bytes), as a receive window. */
export const wholeSpace = (rights: number = Right.RWX): Flexpage => memoryPage(0, 38, rights);
