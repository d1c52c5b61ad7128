/**
 * Memory from moe. Most programs want `allocate`: zeroed, contiguous, mapped with the largest superpages that its size allows.
 * A `Dataspace` is the same before it is mapped: a capability that may be attached several times, or handed to somebody else.
 */
import { Ops, Own, Right, Status, type Sys } from '../../microkernel/abi/index.ts';
import { flexpages, type Syscalls } from '../../binding/index.ts';
import type { Env } from './env.ts';
import { MemoryFlag, Protocol } from './protocol.ts';
import { bad, good, type Result } from './result.ts';
import { ask } from './wire.ts';

export interface Dataspace {
  readonly cap: number;
  readonly size: number; /** The frames' address modulo 1 GiB: virtual addresses with the same remainder allow the largest superpages. */
  readonly skew: number
}
export interface AllocateOptions {
  readonly rights?: number; /** Alignment of the frames; default: the largest power of two in `size`, up to 2 MiB. */
  readonly align?: number
}
export interface AttachOptions { readonly va?: number; readonly offset?: number; readonly size?: number; readonly rights?: number }

const PAGE = 4096, LARGE = 0x20_0000, GIB = 2 ** 30;
export const roundUp = (size: number, to = PAGE): number => Math.ceil(size / to) * to;
/** The largest power of two up to 1 GiB that is not above `size`, at least a page. */
export const naturalAlign = (size: number): number => Math.min(GIB, 2 ** Math.max(12, Math.floor(Math.log2(size))));

/** A fresh address for frames at `skew` (modulo 1 GiB): congruent to them as far as superpages benefit. */
function placeFor(env: Env, size: number, skew: number): number {
  if (size < LARGE) return env.reserve(size, naturalAlign(size));
  const align = Math.min(GIB, 2 ** Math.ceil(Math.log2(size))), shift = skew % align;
  return env.reserve(size + shift, align) + shift;
}

/** Address of `size` fresh bytes (rounded up to pages). Fails with noQuota when the component's memory is used up. */
export function* allocate(sys: Syscalls, env: Env, size: number, options: AllocateOptions = {}): Sys<Result<number>> {
  const ds = yield* createDataspace(sys, env, size, { align: options.align });
  return ds.ok ? yield* attach(sys, env, ds.value, { rights: options.rights }) : ds;
}

export function* createDataspace(sys: Syscalls, env: Env, size: number,
    options: { align?: number; dma?: boolean } = {}): Sys<Result<Dataspace>> {
  const bytes = roundUp(size), align = options.align ?? Math.min(LARGE, naturalAlign(bytes)), cap = env.selector();
  const status = yield* ask(sys, env.cap('memory'), Protocol.memory.create, [bytes, align, cap, options.dma ? MemoryFlag.dma : 0],
    { receives: true });
  if (status === 0) return good({ cap, size: bytes, skew: sys.utcb.word(0) });
  env.freeSelector(cap);
  return bad(status, `${env.name}: ${bytes} bytes of memory`);
}

/** Maps a dataspace (or a part of it) into this task; returns the address. */
export function* attach(sys: Syscalls, env: Env, ds: Dataspace, options: AttachOptions = {}): Sys<Result<number>> {
  const offset = options.offset ?? 0, size = roundUp(options.size ?? ds.size - offset), rights = options.rights ?? Right.RW;
  const va = options.va ?? placeFor(env, size, (ds.skew + offset) % GIB);
  for (let done = 0; done < size; ) {
    const status = yield* ask(sys, ds.cap, Protocol.dataspace.attach, [va + done, offset + done, size - done, rights], { receives: true });
    if (status !== 0) return bad(status, `${env.name}: attach`);
    const mapped = sys.utcb.word(0);
    if (!(mapped > 0)) return bad(Status.badArgument, `${env.name}: attach`);
    done += mapped;
  }
  return good(va);
}

/** Unmaps a range of this task's own memory (everything it mapped on to others goes too). */
export function* detach(sys: Syscalls, va: number, size: number): Sys<void> {
  for (const { page } of flexpages(va, roundUp(size), 0)) yield* sys.invoke(Own.task, Ops.task.unmap, [page, 1]);
}

/** Returns a dataspace to moe: its mappings end everywhere. */
export function* free(sys: Syscalls, env: Env, ds: Dataspace): Sys<void> {
  yield* ask(sys, ds.cap, Protocol.dataspace.free);
  yield* sys.invoke(Own.task, Ops.task.delete, [ds.cap]);
  env.freeSelector(ds.cap);
}

/** Memory whose physical address the component may give to a device; only for components whose scenario entry says `dma`. */
export function* allocateDma(sys: Syscalls, env: Env, size: number): Sys<Result<{ va: number; pa: number }>> {
  const ds = yield* createDataspace(sys, env, size, { dma: true });
  if (!ds.ok) return ds;
  const status = yield* ask(sys, ds.value.cap, Protocol.dataspace.address);
  if (status !== 0) return bad(status, `${env.name}: address of DMA memory`);
  const pa = sys.utcb.word(0);
  const va = yield* attach(sys, env, ds.value);
  return va.ok ? good({ va: va.value, pa }) : va;
}

/** The component's memory limit at moe, and the bytes in use. */
export function* memoryQuota(sys: Syscalls, env: Env): Sys<Result<{ limit: number; used: number }>> {
  const status = yield* ask(sys, env.cap('memory'), Protocol.memory.quota);
  return status === 0 ? good({ limit: sys.utcb.word(0), used: sys.utcb.word(1) }) : bad(status, `${env.name}: memory quota`);
}
