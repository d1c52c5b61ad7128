/** The boot information that the kernel leaves for the first task. */
import { BOOTINFO_VA, type BootInfo } from '../microkernel/abi/index.ts';

export function readBootInfo(memory: { u32(va: number): number; read(va: number, n: number): Uint8Array }): BootInfo {
  return JSON.parse(new TextDecoder().decode(memory.read(BOOTINFO_VA + 4, memory.u32(BOOTINFO_VA)))) as BootInfo;
}
