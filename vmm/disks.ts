/**
 * What stands behind a virtual disk: a block server, or a boot module (read only, or with a copy of its own that may be written).
 *
 *   device ── submit ──► queue ── disk's thread ──► block server
 *   device ◄── done ───────────── disk's thread ◄── block server
 */
import type { BlockPort, BlockRequest } from '../hardware/chips/ports.ts';
import { NEVER, Ops, type Memory, type Sys, type Syscalls } from '../microkernel/abi/index.ts';
import { type Block, allocate, openBlock, openRom, spawn, valueOf } from '../roottask/client/index.ts';
import type { DiskOption } from './options.ts';
import type { GuestRam } from './ram.ts';
import { type Surroundings, semaphore } from './surroundings.ts';

const SECTOR = 512;
interface Waiting { readonly request: BlockRequest; readonly done: (ok: boolean) => void }

class ServerDisk implements BlockPort {
  readonly size: number;
  readonly readOnly: boolean;
  readonly #block: Block;
  readonly #around: Surroundings;
  readonly #wake: number;
  #waiting: Waiting[] = [];
  #era = 0;

  constructor(around: Surroundings, block: Block, readOnly: boolean, wake: number) {
    this.#around = around;
    this.#block = block;
    this.#wake = wake;
    this.size = block.sectors * SECTOR;
    this.readOnly = readOnly || block.readOnly;
  }

  submit(request: BlockRequest, done: (ok: boolean) => void): void {
    this.#waiting.push({ request, done });
    this.#around.work.signal(this.#wake);
  }

  cancel(): void {
    this.#waiting = [];
    this.#era++;
  }

  /** Body of the disk's thread. */
  *run(sys: Syscalls): Sys<void> {
    for (;;) {
      yield* sys.down(this.#wake, Ops.semaphore.down, NEVER, 1);
      for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
        const era = this.#era, ok = yield* this.#carryOut(sys, next.request);
        if (era === this.#era) next.done(ok);
        yield* this.#around.work.deliver(sys);
      }
    }
  }

  *#carryOut(sys: Syscalls, { kind, offset, pieces }: BlockRequest): Sys<boolean> {
    const block = this.#block;
    if (kind === 'flush') return (yield* block.flush(sys)).ok;
    if (kind === 'zero') return false;
    if (pieces.some((p) => p.length % SECTOR !== 0)) return false;
    let at = offset / SECTOR;
    for (const p of pieces) {
      const va = this.#around.ram.va(p.address, p.length), count = p.length / SECTOR;
      if (!(yield* kind === 'write' ? block.write(sys, at, count, va) : block.read(sys, at, count, va)).ok) return false;
      at += count;
    }
    return true;
  }
}

class MemoryDisk implements BlockPort {
  readonly size: number;
  readonly readOnly: boolean;
  readonly #memory: Memory;
  readonly #ram: GuestRam;
  readonly #va: number;

  constructor(memory: Memory, ram: GuestRam, va: number, bytes: number, readOnly: boolean) {
    this.#memory = memory;
    this.#ram = ram;
    this.#va = va;
    this.size = bytes - (bytes % SECTOR);
    this.readOnly = readOnly;
  }

  submit({ kind, offset, length, pieces }: BlockRequest, done: (ok: boolean) => void): void {
    if (kind === 'zero') this.#memory.fill(this.#va + offset, length, 0);
    let at = this.#va + offset;
    for (const p of pieces) {
      const guest = this.#ram.va(p.address, p.length);
      if (kind === 'write') this.#memory.copy(at, guest, p.length);
      else this.#memory.copy(guest, at, p.length);
      at += p.length;
    }
    done(true);
  }

  cancel(): void {}
}

/** Opens one; the error is a sentence. */
export function* openDisk(sys: Syscalls, around: Surroundings, option: DiskOption): Sys<BlockPort | string> {
  const { env, ram } = around;
  if (option.block) {
    const block = yield* openBlock(sys, env, option.block);
    if (!block.ok) return block.what;
    const disk = new ServerDisk(around, block.value, option.ro ?? false, yield* semaphore(sys, env));
    valueOf(yield* spawn(sys, env, (own) => disk.run(own), { name: option.block }));
    return disk;
  }
  const rom = yield* openRom(sys, env, option.rom!);
  if (!rom) return `there is no boot module '${option.rom}' for a disk`;
  if (option.ro) return new MemoryDisk(sys.memory, ram, rom.va, rom.size, true);
  const copy = yield* allocate(sys, env, rom.size);
  if (!copy.ok) return copy.what;
  sys.memory.copy(copy.value, rom.va, rom.size);
  return new MemoryDisk(sys.memory, ram, copy.value, rom.size, false);
}
