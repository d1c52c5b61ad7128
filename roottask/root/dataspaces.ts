/** moe's memory: dataspaces of contiguous frames, charged to the requesting component and mapped on its request. */
import { Initial, MAX_ITEMS, Ops, Status, capPage, flexSize, CapRight, type Sys } from '../../microkernel/abi/index.ts';
import { flexpages, type MapItem, type Syscalls } from '../../binding/index.ts';
import { MemoryFlag } from '../client/protocol.ts';
import type { Dataspace } from './client.ts';
import { done, fail, type Reply, type Request } from './request.ts';
import type { Root } from './root.ts';

const PAGE = 4096;
/** Most dataspaces of one component; its own kernel memory pays for their portals. */
const MOST = 4096;
const isPower = (n: number): boolean => n > 0 && Number.isInteger(Math.log2(n));

/** @see Protocol.memory.create */
export function* createDataspace({ root, sys, client, words }: Request): Sys<Reply> {
  const [size = 0, align = 0, selector = 0, flags = 0] = words;
  const dma = (flags & MemoryFlag.dma) !== 0;
  if (!(size > 0) || size % PAGE !== 0 || !isPower(align) || align < PAGE || !(selector > 0)) return fail(Status.badArgument);
  if (dma && !client.spec.dma) return fail(Status.badRights);
  if (client.memoryUsed + size > client.memoryLimit || client.dataspaces.size >= MOST) return fail(Status.noQuota);
  const base = root.frames.take(size, align, (at, n) => sys.memory.fill(at, n, 0));
  if (base === undefined) return fail(Status.noQuota);
  const id = root.nextDataspace++, portal = root.env.selector();
  const status = yield* sys.invoke(client.factory || Initial.factory, Ops.factory.createPortal,
    [portal, root.serviceThread, root.dataspaceBadge(id), 0]);
  if (status !== 0) { root.frames.give(base, size); root.env.freeSelector(portal); return fail(status); }
  const ds: Dataspace = { id, owner: client, base, size, portal, dma };
  client.dataspaces.add(ds);
  client.memoryUsed += size;
  root.dataspaces.set(id, ds);
  return { status: 0, words: [base % 2 ** 30], items: [{ flexpage: capPage(portal, 0, CapRight.use | CapRight.map), dest: selector }] };
}

/** Items that map [base, base+size) at va, as many as one message holds; and the bytes they cover. */
export function mapItems(base: number, size: number, rights: number, va: number): { items: MapItem[]; bytes: number } {
  const items: MapItem[] = [];
  let bytes = 0;
  for (const { page, dest } of flexpages(base, size, rights, va)) {
    if (items.length === MAX_ITEMS) break;
    items.push({ flexpage: page, dest });
    bytes += flexSize(page);
  }
  return { items, bytes };
}

export function* attachDataspace(ds: Dataspace, words: readonly number[]): Sys<Reply> {
  const [va = 0, offset = 0, size = 0, rights = 0] = words;
  if (va % PAGE !== 0 || offset % PAGE !== 0 || size % PAGE !== 0 || offset < 0 || !(size > 0) || offset + size > ds.size)
    return fail(Status.badArgument);
  const { items, bytes } = mapItems(ds.base + offset, size, rights & 7, va);
  return { status: 0, words: [bytes], items };
}

/** Destroys a dataspace: unmaps its frames everywhere, deletes the capability, frees the frames. */
export function* freeDataspace(root: Root, sys: Syscalls, ds: Dataspace): Sys<void> {
  if (!root.dataspaces.delete(ds.id)) return;
  ds.owner.dataspaces.delete(ds);
  ds.owner.memoryUsed -= ds.size;
  for (const { page } of flexpages(ds.base, ds.size, 0)) yield* sys.invoke(Initial.task, Ops.task.unmap, [page, 0]);
  yield* root.drop(sys, ds.portal);
  root.frames.give(ds.base, ds.size);
}

export function* dataspaceAddress(ds: Dataspace): Sys<Reply> {
  return ds.dma ? done(ds.base) : fail(Status.badRights);
}
