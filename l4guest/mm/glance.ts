/** Reads a process's memory without side effects: it makes no page present and counts nothing. For outside tools (payload of traces). */
import { Window } from '../../microkernel/abi/index.ts';
import type { Mm } from './mm.ts';
import type { Mappable } from './vma.ts';
import { Pte, pteFrame } from './pagetable.ts';

/** Up to `length` bytes at `va`; fewer if the rest cannot be read without side effects. */
export function glance(mm: Mm, va: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const page = pageAt(mm, va + done), at = (va + done) % 4096;
    if (!page || at >= page.length) break;
    const n = Math.min(page.length - at, length - done);
    Window.copy(out, done, page, at, n);
    done += n;
  }
  return out.subarray(0, done);
}

/** A whole file, or other object, of this many bytes; undefined if a part of it cannot be read without side effects. */
export function glanceAt(object: Mappable, size: number): Uint8Array | undefined {
  const out = new Uint8Array(size);
  for (let at = 0; at < size; at += 4096) {
    const page = object.glance?.(at / 4096);
    if (!page) return undefined;
    Window.copy(out, at, page, 0, Math.min(4096, page.length, size - at));
  }
  return out;
}

/** The contents of an anonymous page until it is written. */
const UNTOUCHED = new Window(new Uint8Array(4096), false);

function pageAt(mm: Mm, va: number): Window | undefined {
  const vpn = Math.floor(va / 4096), pte = va >= 0 ? mm.table.get(vpn) : 0;
  if (pte !== 0) return (pte & Pte.NONE) !== 0 ? undefined : mm.frames.page(pteFrame(pte));
  const area = mm.areas.find(va);
  return area && !area.object ? UNTOUCHED : area?.object?.glance?.(area.pageOf(vpn));
}
