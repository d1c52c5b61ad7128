/** What stands behind a virtual disk: a block server, or a boot module (read only, or with a copy of its own that may be written). */
import { type Sys, type Syscalls } from '../microkernel/abi/index.ts';
import { type Block, type Env, type Result, allocate, openBlock, openRom } from '../roottask/client/index.ts';
import { type Disk, SECTOR } from './devices/virtio/block.ts';
import type { DiskOption } from './options.ts';

class ServerDisk implements Disk {
  readonly sectors: number;
  readonly readOnly: boolean;
  readonly #block: Block;
  constructor(block: Block, readOnly: boolean) {
    this.#block = block;
    this.sectors = block.sectors;
    this.readOnly = readOnly || block.readOnly;
  }
  *read(sys: Syscalls, sector: number, count: number, va: number): Sys<boolean> { return (yield* this.#block.read(sys, sector, count, va)).ok; }
  *write(sys: Syscalls, sector: number, count: number, va: number): Sys<boolean> { return (yield* this.#block.write(sys, sector, count, va)).ok; }
  *flush(sys: Syscalls): Sys<boolean> { return (yield* this.#block.flush(sys)).ok; }
}

class MemoryDisk implements Disk {
  readonly sectors: number;
  readonly readOnly: boolean;
  readonly #va: number;
  constructor(va: number, bytes: number, readOnly: boolean) {
    this.#va = va;
    this.sectors = Math.floor(bytes / SECTOR);
    this.readOnly = readOnly;
  }
  *read(sys: Syscalls, sector: number, count: number, va: number): Sys<boolean> {
    sys.memory.copy(va, this.#va + sector * SECTOR, count * SECTOR);
    return true;
  }
  *write(sys: Syscalls, sector: number, count: number, va: number): Sys<boolean> {
    sys.memory.copy(this.#va + sector * SECTOR, va, count * SECTOR);
    return true;
  }
  *flush(): Sys<boolean> { return true; }
}

/** Opens one; the error is a sentence. */
export function* openDisk(sys: Syscalls, env: Env, option: DiskOption): Sys<Disk | string> {
  if (option.block) {
    const block: Result<Block> = yield* openBlock(sys, env, option.block);
    return block.ok ? new ServerDisk(block.value, option.ro ?? false) : block.what;
  }
  const rom = yield* openRom(sys, env, option.rom!);
  if (!rom) return `there is no boot module '${option.rom}' for a disk`;
  if (option.ro) return new MemoryDisk(rom.va, rom.size, true);
  const copy = yield* allocate(sys, env, rom.size);
  if (!copy.ok) return copy.what;
  sys.memory.copy(copy.value, rom.va, rom.size);
  return new MemoryDisk(copy.value, rom.size, false);
}
