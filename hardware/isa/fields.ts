/** Register fields of a 32-bit instruction word, for code that already knows which instruction it has. @spec unpriv 2.2 */
export const rd = (word: number): number => (word >>> 7) & 31;
export const rs1 = (word: number): number => (word >>> 15) & 31;
export const rs2 = (word: number): number => (word >>> 20) & 31;
