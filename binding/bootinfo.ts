/** The boot information of the first task: a loader writes it into RAM, the kernel maps it, the first task reads it. */
import { BOOTINFO_VA, type BootInfo } from '../microkernel/abi/index.ts';

const PAGE = 4096, LENGTH = 4;

export function readBootInfo(memory: { u32(va: number): number; read(va: number, n: number): Uint8Array }): BootInfo {
  return JSON.parse(new TextDecoder().decode(memory.read(BOOTINFO_VA + LENGTH, memory.u32(BOOTINFO_VA)))) as BootInfo;
}

/** Writes it to physical address `base`; returns where it stands, in whole pages. */
export function placeBootInfo(memory: { writable(pa: number, n: number): Uint8Array }, base: number, info: BootInfo):
  { base: number; size: number } {
  const bytes = new TextEncoder().encode(JSON.stringify(info)), size = Math.ceil((LENGTH + bytes.length) / PAGE) * PAGE;
  const page = memory.writable(base, size);
  new DataView(page.buffer, page.byteOffset).setUint32(0, bytes.length, true);
  page.set(bytes, LENGTH);
  return { base, size };
}
