/**
 * The back end of a virtual disk: a block server, or a boot module (read only, or with a private writable copy).
 *
 *   device ── submit ──► queue ── disk's thread ──► block server ◄──► guest memory
 *   device ◄── done ───────────── disk's thread ◄── semaphore
 *
 * The block server has the guest's memory mapped and moves the data itself, so no data passes this task.
 */
import type { BlockPort, BlockRequest, Piece } from '../hardware/chips/ports.ts';
import { slicePieces, totalLength } from '../hardware/chips/virtio/pieces.ts';
import { NEVER, Ops, type Memory, type Sys } from '../microkernel/abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import {
  BlockKind, type BlockQueue, PIECES_MOST, SECTOR, allocate, openBlockQueue, openRom, spawn, valueOf,
} from '../roottask/client/index.ts';
import type { DiskOption } from './options.ts';
import type { GuestRam } from './ram.ts';
import type { Surroundings } from './surroundings.ts';
import type { Work } from './work.ts';

/** A device's request, split into as many requests to the server as its pieces need. */
interface Job {
  readonly request: BlockRequest;
  readonly done: (ok: boolean) => void;
  /** Pieces not sent yet, and their place on the disk. */
  rest: readonly Piece[];
  at: number;
  /** Requests with the server. */
  left: number;
  ok: boolean;
}

class ServerDisk implements BlockPort {
  readonly size: number;
  readonly readOnly: boolean;
  readonly #queue: BlockQueue;
  readonly #ram: GuestRam;
  /** From the guest's memory here to where the server has it from. */
  readonly #shift: number;
  readonly #work: Work;
  #waiting: Job[] = [];
  /** By slot of the server's. */
  readonly #flying = new Map<number, Job>();
  /** A cancellation is in progress at the server: no new request until it completes. */
  #cancelling = 0;
  /** The server has ended. */
  #dead = false;

  constructor(queue: BlockQueue, { ram, ramVa, ramForServers, work }: Surroundings, readOnly: boolean) {
    this.#queue = queue;
    this.#ram = ram;
    this.#shift = ramForServers - ramVa;
    this.#work = work;
    this.size = queue.sectors * SECTOR;
    this.readOnly = readOnly || queue.readOnly;
  }

  submit(request: BlockRequest, done: (ok: boolean) => void): void {
    if (this.#dead) return done(false);
    this.#waiting.push({ request, done, rest: request.pieces, at: request.offset, left: 0, ok: true });
    this.#work.signal(this.#queue.completions);
  }

  cancel(): void {
    const busy = this.#flying.size > 0;
    this.#waiting = [];
    this.#flying.clear();
    if (!busy || this.#dead) return;
    this.#cancelling++;
    this.#work.errand((sys) => this.#forget(sys));
  }
  *#forget(sys: Syscalls): Sys<void> {
    yield* this.#queue.cancel(sys);
    this.#cancelling--;
    this.#work.signal(this.#queue.completions);
  }

  /** Body of the disk's thread. */
  *run(sys: Syscalls): Sys<void> {
    while (!this.#dead) {
      const status = yield* sys.down(this.#queue.completions, Ops.semaphore.down, NEVER, 1);
      for (const { slot, ok } of this.#cancelling ? [] : this.#queue.collect(sys)) this.#landed(slot, ok);
      if (!this.#cancelling) this.#send(sys);
      if (status !== 0 || !(yield* this.#queue.submit(sys)).ok) this.#die();
      yield* this.#work.deliver(sys);
    }
  }

  /** Sends waiting jobs while there is room. */
  #send(sys: Syscalls): void {
    for (let job = this.#waiting[0]; job && this.#queue.room > 0; job = this.#waiting[0]) {
      const { kind, offset, length } = job.request, moves = kind === 'read' || kind === 'write';
      const fitting = totalLength(job.rest.slice(0, PIECES_MOST));
      const bytes = moves ? fitting - (fitting % SECTOR) : length, whole = job.rest.length <= PIECES_MOST;
      const pieces = slicePieces(job.rest, 0, bytes).map(({ address, length: size }) => ({
        address: this.#shift + (kind === 'read' ? this.#ram.forWriting(address, size) : this.#ram.va(address, size)),
        length: size,
      }));
      if (!whole && bytes === 0) { this.#refuse(job); continue; }
      this.#flying.set(this.#queue.put({ kind: BlockKind[kind], offset: moves ? job.at : offset, length: bytes, pieces }, sys), job);
      job.left++;
      job.at += bytes;
      job.rest = slicePieces(job.rest, bytes, Infinity);
      if (whole) this.#waiting.shift();
    }
  }
  /** A sector with more pieces than a request to the server can carry. */
  #refuse(job: Job): void {
    this.#waiting.shift();
    job.ok = false;
    if (job.left === 0) job.done(false);
  }

  #landed(slot: number, ok: boolean): void {
    const job = this.#flying.get(slot);
    this.#flying.delete(slot);
    if (!job) return;
    // The guest may have used these pages as tables or code meanwhile.
    if (job.request.kind === 'read') for (const { address, length } of job.request.pieces) this.#ram.onWrite?.(address, length);
    job.ok &&= ok;
    if (--job.left === 0 && this.#waiting[0] !== job) job.done(job.ok);
  }

  /** Errors, not silence. */
  #die(): void {
    this.#dead = true;
    const jobs = new Set([...this.#flying.values(), ...this.#waiting]);
    this.#flying.clear();
    this.#waiting = [];
    for (const job of jobs) job.done(false);
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
    for (const piece of pieces) {
      const guest = kind === 'read' ? this.#ram.forWriting(piece.address, piece.length) : this.#ram.va(piece.address, piece.length);
      if (kind === 'write') this.#memory.copy(at, guest, piece.length);
      else this.#memory.copy(guest, at, piece.length);
      at += piece.length;
    }
    done(true);
  }

  cancel(): void {}
}

/** Opens one; the error is a sentence. */
export function* openDisk(sys: Syscalls, around: Surroundings, option: DiskOption): Sys<BlockPort | string> {
  const { env, ram } = around;
  if (option.block) {
    const queue = yield* openBlockQueue(sys, env, option.block);
    if (!queue.ok) return queue.what;
    const shared = yield* queue.value.share(sys, around.ramForServers, ram.size);
    if (!shared.ok) return shared.what;
    const disk = new ServerDisk(queue.value, around, option.ro ?? false);
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
