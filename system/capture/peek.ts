/** Reads a task's memory without side effects: through its page tables, without access bits, faults or cycles. */
import { shownBy } from '../../binding/index.ts';
import type { PhysicalMemory } from '../../machine/api.ts';
import type { Task } from '../../microkernel/objects/task.ts';
import type { Thread } from '../../microkernel/objects/thread.ts';

const PAGE = 4096;

/** Reads up to `length` bytes at `va`; fewer if the rest is not readable. */
export type Reader = (va: number, length: number) => Uint8Array;

/** Reads memory of `thread` as the server that answers its events of this cause sees it; without such a view, through the page tables. */
export function readerOf(memory: PhysicalMemory, thread: Thread, cause: number): Reader {
  const portal = thread.events[cause], look = shownBy(portal?.thread.utcb);
  return (va, length) => (look ? look(portal!.label, va, length) : peek(memory, thread.task, va, length));
}

/** Up to `length` bytes at `va`; fewer if the rest is unmapped or a device. */
export function peek(memory: PhysicalMemory, task: Task, va: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const at = va + done, n = Math.min(PAGE - (at % PAGE), length - done), leaf = at >= 0 ? task.space.leaf(at) : undefined;
    if (!leaf) break;
    const pa = leaf.pa + at - leaf.va;
    if (!memory.isRam(pa, n)) break;
    out.set(memory.view(pa, n), done);
    done += n;
  }
  return out.subarray(0, done);
}

/** Text up to its terminating zero, of `most` bytes at most; undefined when its first byte is not readable. */
export function peekText(read: Reader, va: number, most: number): Uint8Array | undefined {
  const bytes = read(va, most), end = bytes.indexOf(0);
  return bytes.length === 0 ? undefined : end < 0 ? bytes : bytes.subarray(0, end);
}

/** The texts to which the list of pointers at `va` points, at most `most`. */
export function peekList(read: Reader, va: number, most: number, bytes: number): Uint8Array[] {
  const pointers = read(va, 8 * most), view = new DataView(pointers.buffer, pointers.byteOffset, pointers.byteLength),
    texts: Uint8Array[] = [];
  for (let i = 0; i + 8 <= pointers.length; i += 8) {
    const pointer = Number(view.getBigUint64(i, true)), text = pointer === 0 ? undefined : peekText(read, pointer, bytes);
    if (!text) break;
    texts.push(text);
  }
  return texts;
}
