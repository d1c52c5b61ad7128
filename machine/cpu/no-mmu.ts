/**
 * No translation: satp, vsatp and hgatp support only Bare. Only physical memory protection separates programs, and a guest sees the
 * machine's physical addresses.
 *
 * Processors: IBM's System/360 except Model 67 (1966); Motorola's 68000; every microcontroller.
 * Told by: Goldberg, "Architectural Principles for Virtual Computer Systems", Harvard 1972; the relocation-bounds register of Popek and
 * Goldberg is the least that a monitor needs.
 * @spec priv 12.1.11
 */
import type { Switch } from './switch.ts';

export const noMmu: Switch = {
  name: 'no-mmu',
  says: 'no address translation',
  change: (model) => ({ ...model, translation: false }),
};
