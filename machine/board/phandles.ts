/** Numbers by which device-tree nodes refer to each other. */
export const Phandle = { PLIC: 1, FINISHER: 2, FIRST_CPU: 16 } as const;

/** The interrupt controller inside a hart. */
export function cpuIntc(hart: number): number {
  return Phandle.FIRST_CPU + 2 * hart;
}

export function cpu(hart: number): number {
  return Phandle.FIRST_CPU + 2 * hart + 1;
}
