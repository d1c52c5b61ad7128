/**
 * Core dumps: a process that a signal ends leaves its memory and registers as an ELF file, if RLIMIT_CORE lets it. The thread that got the
 * signal writes it, sleeping where the file system does; the others have ended. What the process never touched stays a hole.
 *
 *   ELF header ─ program headers (the notes, an area each) ─ notes (core-notes.ts) ─ the areas' pages
 *
 * @spec linux Documentation/admin-guide/sysctl/kernel.rst core_pattern
 */
import { AT, Limit, O, Prot, S } from '../abi/linux.ts';
import type { File } from '../fs/file.ts';
import { openAt } from '../fs/open.ts';
import type { Vma } from '../mm/vma.ts';
import { pteFrame } from '../mm/pagetable.ts';
import { copyIn, KernelIo, textOf } from '../mm/uaccess.ts';
import { Window } from '../../microkernel/abi/index.ts';
import { continueCall } from './calls.ts';
import { notesOf } from './core-notes.ts';
import { leaveOnly } from './exit.ts';
import { UserFault } from './failure.ts';
import type { Kernel } from './kernel.ts';
import { here, NotHere, persist } from './later.ts';
import type { Process } from './process.ts';
import type { SigInfo } from './sigqueue.ts';
import type { Thread } from './thread.ts';
import type { Co } from './wait.ts';

const PAGE = 4096, HEADER = 64, PROGRAM_HEADER = 56, ET_CORE = 4, EM_RISCV = 243, PT_LOAD = 1, PT_NOTE = 4;
/** The flag of a process's end that says that a dump was written. */
const DUMPED = 0x80;
/** Pages written at once, and areas that the format can have. */
const PIECE = 16, MOST_AREAS = 0xfffe;
/** Bits of /proc/PID/coredump_filter. */
const Filter = { anonymous: 1, sharedAnonymous: 2, file: 4, sharedFile: 8, elfHeader: 16 } as const;
const pageUp = (n: number): number => Math.ceil(n / PAGE) * PAGE;

/** Begins to dump the process, which ends afterwards. False: it gets no dump. */
export function beginDump(k: Kernel, thread: Thread, info: SigInfo): boolean {
  const { proc: process } = thread, pattern = k.sysctl.value('kernel/core_pattern') as string;
  const isAllowed = process.limits.soft[Limit.CORE]! > 0 && process.dumpable === 1 && process.mm.areas.list.length <= MOST_AREAS;
  if (!isAllowed || pattern === '' || pattern.startsWith('|') || isAbroad(process)) return false;
  const notes = notesOf(thread, info, commandLine(process));
  leaveOnly(k, thread, info.signo);
  continueCall(k, thread, dump(k, thread, info.signo, fileName(k, thread, info.signo, pattern), notes));
  return true;
}
/** A thread is in a kernel call of its own: it cannot be ended here. */
const isAbroad = (process: Process): boolean => [...process.threads].some((thread) => thread.passage !== undefined);

function commandLine({ mm, name }: Process): string {
  try {
    return textOf(copyIn(mm, mm.argStart, mm.argEnd - mm.argStart));
  } catch (error) {
    if (error instanceof UserFault || error instanceof NotHere) return name;
    throw error;
  }
}

function fileName(k: Kernel, thread: Thread, sig: number, pattern: string): string {
  const { proc: process } = thread, own = process.numbers.of(process.pid);
  const values: Readonly<Record<string, string | number>> = {
    '%': '%', p: own, P: process.pid, i: thread.number, I: thread.tid, u: process.creds.uid, g: process.creds.gid, s: sig,
    d: process.dumpable, t: Math.floor(k.clock.wall().s), h: process.uts.host, e: process.name.replaceAll('/', '!'),
    c: process.limits.soft[Limit.CORE]!,
  };
  const name = pattern.replace(/%(.?)/gs, (_all, letter: string) => String(Object.hasOwn(values, letter) ? values[letter] : ''));
  return k.sysctl.number('kernel/core_uses_pid') === 1 && !/%p/.test(pattern) ? `${name}.${own}` : name;
}

function* dump(k: Kernel, thread: Thread, sig: number, name: string, notes: Uint8Array): Co<number> {
  const written = yield* write(k, thread, name, notes);
  k.endProcess(thread.proc, sig | (written ? DUMPED : 0));
  return 0;
}
function* write(k: Kernel, thread: Thread, name: string, notes: Uint8Array): Co<boolean> {
  const flags = O.CREAT | O.WRONLY | O.NOFOLLOW | O.LARGEFILE | O.NONBLOCK;
  const file = yield* persist<File | number>(thread, k.clock.now(), () => openAt(thread, AT.FDCWD, name, flags, 0o600), (errno) => errno);
  if (typeof file === 'number') return false;
  try {
    const { inode } = file;
    if (inode.type !== S.IFREG || inode.nlink !== 1 || (!file.created && inode.uid !== thread.creds.fsuid)) return false;
    if ((yield* here(thread, () => inode.truncate(0, thread))) < 0) return false;
    return yield* new Dump(thread, file, notes).write();
  } finally {
    file.release();
  }
}

/** An area and how much of its beginning goes into the file. */
interface Part { readonly area: Vma; readonly bytes: number }

class Dump {
  readonly #thread: Thread;
  readonly #file: File;
  readonly #notes: Uint8Array;
  readonly #limit: number;

  constructor(thread: Thread, file: File, notes: Uint8Array) {
    this.#thread = thread;
    this.#file = file;
    this.#notes = notes;
    this.#limit = thread.proc.limits.soft[Limit.CORE]!;
  }

  /** False: it is not whole. */
  *write(): Co<boolean> {
    const parts = this.#thread.mm.areas.list.map((area) => ({ area, bytes: this.#bytesOf(area) }));
    const head = HEADER + PROGRAM_HEADER * (parts.length + 1), first = pageUp(head + this.#notes.length);
    if (!(yield* this.#put(0, headers(parts, head, this.#notes.length, first)))) return false;
    if (!(yield* this.#put(head, this.#notes))) return false;
    let at = first, end = head + this.#notes.length;
    for (const part of parts) {
      const reached = yield* this.#pages(part, at);
      if (reached === undefined) return false;
      end = Math.max(end, reached);
      at += part.bytes;
    }
    return end === at || (yield* this.#put(at - 1, new Uint8Array(1)));
  }

  #bytesOf(area: Vma): number {
    const { coreFilter: filter } = this.#thread.proc, all = area.end - area.start, { object } = area;
    const keeps = (bit: number): boolean => (filter & bit) !== 0, isFile = area.name.startsWith('/');
    if (area.undumped) return 0;
    if (area.name === '[vdso]') return all;
    if (area.shared) return keeps(isFile ? Filter.sharedFile : Filter.sharedAnonymous) ? all : 0;
    if (object === undefined) return keeps(Filter.anonymous) ? all : 0;
    if (keeps(Filter.file) || (keeps(Filter.anonymous) && this.#isChanged(area))) return all;
    return keeps(Filter.elfHeader) && area.first === 0 && this.#isElf(area) ? PAGE : 0;
  }
  /** A private area of a file has pages that are not the file's. */
  #isChanged(area: Vma): boolean {
    if ((area.prot & Prot.WRITE) !== 0) return true;
    const { table } = this.#thread.mm;
    return this.#present(area, area.end).some((vpn) => {
      try {
        return pteFrame(table.get(vpn)) !== area.object!.frameToRead(area.pageOf(vpn));
      } catch (error) {
        if (error instanceof NotHere) return true;
        throw error;
      }
    });
  }
  #isElf(area: Vma): boolean {
    const pte = this.#thread.mm.table.get(area.start / PAGE);
    return pte !== 0 && this.#thread.mm.frames.page(pteFrame(pte)).u32(0) === 0x464c_457f;
  }
  /** Pages of the area that are in memory or swapped out, in order. */
  #present({ start }: Vma, end: number): number[] {
    const { table, swapped } = this.#thread.mm, found: number[] = [];
    table.update(start / PAGE, end / PAGE, (vpn, pte) => { found.push(vpn); return pte; });
    for (const vpn of swapped?.keys() ?? []) if (vpn >= start / PAGE && vpn < end / PAGE) found.push(vpn);
    return found.sort((a, b) => a - b);
  }

  /** Writes an area's pages to the file from `at` on. Answers where the last one ends; undefined: that failed. */
  *#pages({ area, bytes }: Part, at: number): Co<number | undefined> {
    const pages = this.#present(area, area.start + bytes), first = area.start / PAGE;
    let end = 0;
    for (let i = 0; i < pages.length;) {
      let n = 1;
      while (n < PIECE && pages[i + n] === pages[i]! + n) n++;
      const content = yield* this.#copy(pages[i]!, n);
      if (!content || !(yield* this.#put(at + (pages[i]! - first) * PAGE, content))) return undefined;
      end = at + (pages[i]! - first + n) * PAGE;
      i += n;
    }
    return end;
  }
  *#copy(vpn: number, n: number): Co<Uint8Array | undefined> {
    const { mm } = this.#thread, out = new Uint8Array(n * PAGE);
    for (let i = 0; i < n; i++) {
      if (mm.swapped?.has(vpn + i) && (yield* mm.frames.store!.bring(this.#thread, mm, vpn + i)) < 0) return undefined;
      Window.copy(out, i * PAGE, mm.frames.page(pteFrame(mm.table.get(vpn + i))), 0, PAGE);
    }
    mm.frames.work.copied(out.length);
    return out;
  }
  /** Writes these bytes, as far as RLIMIT_CORE allows. */
  *#put(at: number, bytes: Uint8Array): Co<boolean> {
    if (at + bytes.length > this.#limit) return false;
    for (let done = 0; done < bytes.length;) {
      const io = new KernelIo(bytes.subarray(done));
      const n = yield* here(this.#thread, () => this.#file.write(io, at + done, this.#thread));
      if (n <= 0) return false;
      done += n;
    }
    return true;
  }
}

function headers(parts: readonly Part[], head: number, notes: number, first: number): Uint8Array {
  const out = new Uint8Array(head), view = new DataView(out.buffer), u64 = (at: number, value: number): void => {
    view.setBigUint64(at, BigInt(value), true);
  };
  out.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // 64 bits, little-endian, version 1
  view.setUint16(16, ET_CORE, true);
  view.setUint16(18, EM_RISCV, true);
  view.setUint32(20, 1, true);
  u64(32, HEADER);
  view.setUint32(48, 5, true); // compressed instructions, floating-point arguments in registers of doubles
  view.setUint16(52, HEADER, true);
  view.setUint16(54, PROGRAM_HEADER, true);
  view.setUint16(56, parts.length + 1, true);
  const program = (i: number, type: number, flags: number, fields: readonly number[]): void => {
    const at = HEADER + PROGRAM_HEADER * i;
    view.setUint32(at, type, true);
    view.setUint32(at + 4, flags, true);
    fields.forEach((value, n) => { u64(at + 8 + 8 * n, value); });
  };
  program(0, PT_NOTE, 0, [head, 0, 0, notes, 0, 4]);
  let at = first;
  parts.forEach(({ area, bytes }, i) => {
    const { prot } = area, flags = (prot & Prot.READ ? 4 : 0) | (prot & Prot.WRITE ? 2 : 0) | (prot & Prot.EXEC ? 1 : 0);
    program(i + 1, PT_LOAD, flags, [at, area.start, 0, bytes, area.end - area.start, PAGE]);
    at += bytes;
  });
  return out;
}
