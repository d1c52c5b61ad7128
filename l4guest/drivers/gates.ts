/**
 * /dev/l4/NAME: the gates of this server (kernel/gates.ts). After opening one, a process requests the capability:
 *
 *   struct l4_gate { u64 selector, utcb; };   ioctl(fd, L4_GATE, &gate)
 *
 * All threads of the address space have it from then on, until the last descriptor is closed, or exec. Each thread that asks gets its own
 * message buffer (UTCB); children of fork have neither.
 */
import { E } from '../abi/errno.ts';
import { Map_, PAGE, S } from '../abi/linux.ts';
import { File } from '../fs/file.ts';
import type { Inode } from '../fs/inode.ts';
import type { TmpDir } from '../fs/tmpfs.ts';
import { takeGate } from '../kernel/gates.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Mm } from '../mm/mm.ts';
import { mapArea } from '../mm/mmap.ts';
import { setI64 } from '../mm/uaccess.ts';

/** Device numbers of gates: this major, the gate's number as minor. */
export const GATE_MAJOR = 240;
/** _IOR('4', 1, struct l4_gate). */
const L4_GATE = 0x8010_3401;

/** Adds /dev/l4 where this server has gates. */
export function addGates(k: Kernel, dev: TmpDir, makeDev: (major: number, minor: number) => number): void {
  if (!k.gates) return;
  const folder = dev.make('l4', S.IFDIR | 0o755, 0) as TmpDir;
  k.gates.list.forEach((gate, i) => folder.add(gate.name, folder.create(S.IFCHR | parseInt(gate.mode ?? '666', 8),
    makeDev(GATE_MAJOR, i))));
}

export function openGate(t: Thread, inode: Inode, flags: number, gate: number): File | number {
  return t.k.gates?.list[gate] ? new GateFile(inode, flags, t.k, gate) : -E.NXIO;
}

class GateFile extends File {
  private readonly k: Kernel;
  private readonly gate: number;
  /** Address spaces that got the capability through this file. */
  private readonly spaces = new Set<Mm>();
  constructor(inode: Inode, flags: number, k: Kernel, gate: number) { super(inode, flags); this.k = k; this.gate = gate; }

  override ioctl(thread: Thread, command: number, arg: number): number {
    if (command >>> 0 !== L4_GATE) return -E.NOTTY;
    const utcb = thread.utcb || newUtcb(thread);
    if (utcb < 0) return utcb;
    const { mm } = thread, { beyond } = this.k.gates!;
    setI64(mm, arg, beyond.selector(this.gate));
    setI64(mm, arg + 8, utcb);
    if (!mm.gates.has(this.gate)) beyond.give(mm, this.gate);
    mm.gates.set(this.gate, (mm.gates.get(this.gate) ?? 0) + (this.spaces.has(mm) ? 0 : 1));
    this.spaces.add(mm);
    thread.utcb = utcb;
    thread.work = true; // the kernel creates its thread again before it resumes
    return 0;
  }
  protected override closed(): void {
    for (const mm of this.spaces) {
      const users = mm.gates.get(this.gate) ?? 0;
      if (users > 1) mm.gates.set(this.gate, users - 1);
      else if (users === 1) takeGate(this.k, mm, this.gate);
    }
  }
}

/** Addresses for a message buffer: an area that no call can access through the server or unmap. */
function newUtcb(thread: Thread): number {
  const at = mapArea(thread.mm, { at: 0, length: PAGE, prot: 0, flags: Map_.PRIVATE, name: '[utcb]' });
  if (at < 0) return at;
  const area = thread.mm.areas.find(at)!;
  area.sealed = true;
  area.fork = 'none';
  return at;
}
