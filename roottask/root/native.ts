/**
 * Starting a native RISC-V program: its segments into fresh frames, a stack, a heap, and a page that describes them.
 *
 *   information page, at INFO_VA, its address in a0 (guests/include/tessera.h has the same as a C struct)
 *     0x000 char name[32]
 *     0x020 u64 utcb    0x028 u64 heap    0x030 u64 heap bytes    0x038 u64 number of capabilities
 *     0x040 { char name[24]; u64 selector; } each
 *     0x800 char arguments[]: the scenario's `args` as JSON, ended by a zero byte
 */
import { Mtd, Initial, Ops, Right, Status, type Sys } from '../../microkernel/abi/index.ts';
import { flexpages, type Syscalls } from '../../binding/index.ts';
import { roundUp } from '../client/memory.ts';
import { bad, good, type Result } from '../client/result.ts';
import { bytesOf } from '../client/wire.ts';
import { bytesOfSize, type Size } from '../scenario.ts';
import type { Client } from './client.ts';
import { pageRuns, parseElf, type Executable } from './elf.ts';
import type { Root } from './root.ts';
import { SERVICES } from './services.ts';

export const INFO_VA = 0x8_0000_0000, UTCB_VA = 0x8_0001_0000, STACK_TOP = 0x8_0010_0000, HEAP_VA = 0x9_0000_0000;
const STACK = 64 << 10, DEFAULT_HEAP = 64 << 10, ALL_CAUSES = 0x1fff;
const CAPS = 0x40, CAP_BYTES = 32, ARGS = 0x800;

/** Frames charged to the component, zeroed, mapped at `va` of its task; returns their physical address. */
function* place(root: Root, sys: Syscalls, client: Client, va: number, size: number,
    runs: readonly { va: number; size: number; rights: number }[]): Sys<number | undefined> {
  if (client.memoryUsed + size > client.memoryLimit) return undefined;
  const base = root.frames.take(size, 4096, (at, n) => sys.memory.fill(at, n, 0));
  if (base === undefined) return undefined;
  client.memoryUsed += size;
  const ds = { id: root.nextDataspace++, owner: client, base, size, portal: 0, dma: false };
  client.dataspaces.add(ds);
  root.dataspaces.set(ds.id, ds);
  for (const run of runs) {
    for (const { page, dest } of flexpages(base + run.va - va, run.size, run.rights, run.va))
      yield* sys.must(client.task, Ops.task.map, [0, page, dest, 0]);
  }
  return base;
}
const whole = (va: number, size: number): { va: number; size: number; rights: number }[] => [{ va, size, rights: Right.RW }];

/** Loads the program into the task. Returns its entry point. */
export function* loadNative(root: Root, sys: Syscalls, client: Client, module: string): Sys<Result<number>> {
  const file = root.info.modules.find(m => m.name === module);
  if (!file) return bad(Status.badArgument, `${client.name}: there is no boot module '${module}'`);
  const bytes = sys.memory.read(file.base, file.size), exe = parseElf(bytes);
  if (typeof exe === 'string') return bad(Status.badArgument, `${client.name}: '${module}' ${exe}`);
  const heap = roundUp(bytesOfSize((client.spec.args?.['heap'] as Size | undefined) ?? DEFAULT_HEAP));
  const image = yield* place(root, sys, client, exe.base, exe.end - exe.base, pageRuns(exe));
  const stack = yield* place(root, sys, client, STACK_TOP - STACK, STACK, whole(STACK_TOP - STACK, STACK));
  const heapAt = yield* place(root, sys, client, HEAP_VA, heap, whole(HEAP_VA, heap));
  const info = yield* place(root, sys, client, INFO_VA, 4096, whole(INFO_VA, 4096));
  if (image === undefined || stack === undefined || heapAt === undefined || info === undefined)
    return bad(Status.noQuota, `${client.name}: memory for the program`);
  copySegments(sys, bytes, exe, image);
  client.info = { pa: info, heap };
  return good(exe.entry);
}
function copySegments(sys: Syscalls, file: Uint8Array, exe: Executable, image: number): void {
  for (const s of exe.segments) sys.memory.write(image + s.va - exe.base, file.subarray(s.offset, s.offset + s.fileSize));
}

/** Writes the information page, once the capabilities are known, and sets the target of faults. */
export function* finishNative(root: Root, sys: Syscalls, client: Client): Sys<void> {
  const { pa, heap } = client.info!, memory = sys.memory, caps = [...client.env.caps];
  memory.write(pa, bytesOf(client.name).subarray(0, 31));
  [UTCB_VA, HEAP_VA, heap, caps.length].forEach((v, i) => memory.setU64(pa + 0x20 + 8 * i, BigInt(v)));
  caps.slice(0, (ARGS - CAPS) / CAP_BYTES).forEach(([name, selector], i) => {
    memory.write(pa + CAPS + i * CAP_BYTES, bytesOf(name).subarray(0, 23));
    memory.setU64(pa + CAPS + i * CAP_BYTES + 24, BigInt(selector));
  });
  memory.write(pa + ARGS, bytesOf(JSON.stringify(client.spec.args ?? {})).subarray(0, 4096 - ARGS - 1));
  const portal = root.env.selector();
  yield* sys.must(Initial.factory, Ops.factory.createPortal,
    [portal, root.serviceThread, root.serviceBadge(client, SERVICES.indexOf('fault')), Mtd.exit | Mtd.pc]);
  client.portals.push(portal);
  yield* sys.must(client.thread, Ops.thread.setEvents, [portal, ALL_CAUSES & ~1]);
}
