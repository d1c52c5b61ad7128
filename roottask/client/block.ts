/** A disk behind the block protocol: sectors of 512 bytes to and from the caller's memory, through a shared buffer of 1 MiB. */
import { memoryPage, Right, Status, type Sys, type Syscalls } from '../../microkernel/abi/index.ts';
import type { Env } from './env.ts';
import { allocate } from './memory.ts';
import { BLOCK_ORDER, Protocol, SECTOR } from './protocol.ts';
import { bad, good, type Result } from './result.ts';
import { ask } from './wire.ts';

const SIZE = 2 ** BLOCK_ORDER;

/** One thread at a time uses it. */
export class Block {
  readonly sectors: number;
  readonly readOnly: boolean;
  private readonly cap: number;
  private readonly buffer: number;
  private readonly name: string;
  constructor(name: string, cap: number, buffer: number, sectors: number, readOnly: boolean) {
    this.name = name; this.cap = cap; this.buffer = buffer; this.sectors = sectors; this.readOnly = readOnly;
  }

  /** Reads `count` sectors to `va` of this task. badArgument: beyond the end. */
  *read(sys: Syscalls, sector: number, count: number, va: number): Sys<Result<void>> {
    return yield* this.transfer(sys, sector, count, va, false);
  }
  /** Writes `count` sectors from `va`. badRights: read-only disk. */
  *write(sys: Syscalls, sector: number, count: number, va: number): Sys<Result<void>> {
    if (this.readOnly) return bad(Status.badRights, `disk '${this.name}' is read-only`);
    return yield* this.transfer(sys, sector, count, va, true);
  }
  *flush(sys: Syscalls): Sys<Result<void>> {
    return this.answer(yield* ask(sys, this.cap, Protocol.block.flush));
  }

  private *transfer(sys: Syscalls, sector: number, count: number, va: number, write: boolean): Sys<Result<void>> {
    if (sector < 0 || count < 0 || sector + count > this.sectors) return bad(Status.badArgument, `disk '${this.name}'`);
    for (let done = 0; done < count; ) {
      const n = Math.min(count - done, SIZE / SECTOR), at = va + done * SECTOR;
      if (write) sys.memory.copy(this.buffer, at, n * SECTOR);
      const status = yield* ask(sys, this.cap, write ? Protocol.block.write : Protocol.block.read, [sector + done, n]);
      if (status !== 0) return this.answer(status);
      if (!write) sys.memory.copy(at, this.buffer, n * SECTOR);
      done += n;
    }
    return good(undefined);
  }
  private answer(status: number): Result<void> { return status === 0 ? good(undefined) : bad(status, `disk '${this.name}'`); }
}

/** Opens the disk that the scenario gave this component under `name`. */
export function* openBlock(sys: Syscalls, env: Env, name: string): Sys<Result<Block>> {
  const buffer = yield* allocate(sys, env, SIZE, { align: SIZE });
  if (!buffer.ok) return buffer;
  const status = yield* ask(sys, env.cap(name), Protocol.block.open, [], { items: [{ flexpage: memoryPage(buffer.value, BLOCK_ORDER, Right.RW), dest: 0 }] });
  if (status !== 0) return bad(status, `${env.name}: disk '${name}'`);
  return good(new Block(name, env.cap(name), buffer.value, sys.utcb.word(0), (sys.utcb.word(1) & 1) !== 0));
}
