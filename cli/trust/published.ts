/**
 * Sizes of other kernels. Counted by us: lines neither blank nor comment of C, C++ and assembly in the public sources of that date, for one
 * architecture (without folders of other projects). Published: the authors' own figure.
 */
export const PUBLISHED: readonly { readonly name: string; readonly lines: number; readonly what: string }[] = [
  { name: 'NOVA', lines: 11_213, what: 'microhypervisor, aarch64 (sources of 2024-01-30, counted by us)' },
  { name: 'NOVA', lines: 14_088, what: 'microhypervisor, x86_64 (the same)' },
  {
    name: 'seL4', lines: 9_300, what: 'ARM, 2009: 8,700 of C and 600 of assembly (published with the proof, l4.verified "Proof Statistics")'
  },
  {
    name: 'Fiasco', lines: 32_411, what: 'src/kern, generic and riscv, without the kernel debugger (sources of 2026-06-24, counted by us)'
  },
];
