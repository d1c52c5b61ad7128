/**
 * Time without a system call: the two pages at the top of every address space. [vdso] is the shared object that C libraries look for at
 * AT_SYSINFO_EHDR, as riscv64 Linux has it (guests/vdso). It reads the processor's `time`, and in [vvar] what the wall clock is ahead:
 *
 *   0x00  changes: odd while the words below are being written     0x10  steady: the wall clock runs as fast as time does
 *   0x08  known: the page may be used                              0x18  ns that it is ahead of the clock since the start
 *   0x20  number of keys of riscv_hwprobe                          0x28  their values
 *
 * Both clocks tick every 100 ns there. Processes whose time space has clocks of its own have a [vvar] that knows nothing: they ask the
 * server. The object begins its code with what signal handlers return to.
 */
import { Window } from '../../microkernel/abi/index.ts';
import type { Frames } from '../mm/frames.ts';
import { unmap } from '../mm/mmap.ts';
import { TASK_SIZE, type Mm } from '../mm/mm.ts';
import { Vma, type Mappable } from '../mm/vma.ts';
import { PAGE, Prot } from '../abi/linux.ts';
import type { Clocks } from './clocks.ts';
import { firstTime, type TimeSpace } from './timespace.ts';
import { VDSO_HEX } from './vdso-image.ts';

export const VVAR = TASK_SIZE - 2 * PAGE, VDSO = TASK_SIZE - PAGE;
/** `__vdso_rt_sigreturn` (guests/vdso/vdso.ld puts it there). */
export const SIGRETURN = VDSO + 0x800;
const WORDS = 4;

export function vdsoImage(): Uint8Array {
  return Uint8Array.from({ length: VDSO_HEX.length / 2 }, (_, i) => parseInt(VDSO_HEX.slice(2 * i, 2 * i + 2), 16));
}

export class TimePages {
  private readonly image: Mappable;
  private readonly known: Mappable;
  private readonly unknown: Mappable;

  constructor(frames: Frames, clocks: Clocks, hardware: readonly bigint[]) {
    const make = (): { page: Window; object: Mappable } => {
      const pfn = frames.alloc();
      return { page: frames.page(pfn), object: { frameToRead: () => pfn, frameToWrite: () => -1, resident: () => true,
        glance: () => frames.page(pfn),
        unmapped: () => undefined, areas: new Set<Vma>(), ino: 0, dev: 0 } };
    };
    const image = make(), known = make(), unknown = make(), bytes = vdsoImage();
    this.image = image.object;
    this.known = known.object;
    this.unknown = unknown.object;
    const keys = new Uint8Array(BigUint64Array.from([BigInt(hardware.length), ...hardware]).buffer);
    for (const { page } of [known, unknown]) Window.copy(page, WORDS * 8, keys, 0, keys.length);
    Window.copy(image.page, 0, bytes, 0, bytes.length);
    let changes = 0n;
    clocks.changed = (): void => {
      const words = new BigUint64Array(WORDS);
      words.set([changes += 2n, 1n, clocks.isSteady ? 1n : 0n, clocks.startNs]);
      Window.copy(known.page, 0, new Uint8Array(words.buffer), 0, WORDS * 8);
    };
    clocks.changed();
  }

  /** Puts the pages into a new address space. */
  map(mm: Mm, time: TimeSpace): void {
    this.mapWords(mm, this.pageOf(time));
    mm.areas.insert(new Vma(mm, VDSO, VDSO + PAGE, Prot.READ | Prot.EXEC, true, this.image, 0, '[vdso]'));
  }
  /** Adapts the pages when the process of this address space enters another time space. */
  enter(mm: Mm, time: TimeSpace): void {
    const area = mm.areas.find(VVAR), object = this.pageOf(time);
    if (!area || area.name !== '[vvar]' || area.object === object) return;
    unmap(mm, VVAR, PAGE);
    this.mapWords(mm, object);
  }
  private mapWords(mm: Mm, object: Mappable): void {
    const area = new Vma(mm, VVAR, VVAR + PAGE, Prot.READ, true, object, 0, '[vvar]');
    area.mayWrite = false;
    mm.areas.insert(area);
  }
  private pageOf(time: TimeSpace): Mappable { return time === firstTime ? this.known : this.unknown; }
}
