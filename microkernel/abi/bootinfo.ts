/**
 * The loader's message to the first task: free memory, boot modules, devices. The kernel maps its pages read-only at BOOTINFO_VA; the
 * content is UTF-8 JSON with a u32 length before it (written once, read once).
 */
export const BOOTINFO_VA = 0x1000;
export interface BootInfo {
  /** RAM ranges that belong to the first task, mapped in it at their physical addresses. */
  readonly memory: readonly { base: number; size: number }[];
  /** Files put into RAM before the start (inside none of the ranges above; mapped read-only at their physical addresses). */
  readonly modules: readonly { name: string; base: number; size: number }[];
  /** Devices, mapped in the first task at their physical addresses. */
  readonly devices: readonly { name: string; compatible: string; base: number; size: number; irq: number }[];
  readonly harts: number;
  readonly seed: number;
  /** Free text for the first task (the scenario's options as JSON). */
  readonly options: string;
}
