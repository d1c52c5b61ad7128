/**
 * Chooses the pages to mirror after an access: the page itself, and present neighbours of the same area (fault-around), in as few flexpages
 * as possible. The layer below gets a list of runs; each is a power of two of pages, aligned alike on both sides.
 */
import { Prot } from '../abi/linux.ts';
import { Access, type Mm } from './mm.ts';
import { Pte, makePte, pteFrame } from './pagetable.ts';
import type { Vma } from './vma.ts';

/** Pages considered around an anonymous and around a file page; a power of two. */
const WINDOW = 16, FILE_WINDOW = 32;
export const MAX_RUNS = 16;

/** Reused for each fault: `count` runs, run i covers 2^order[i] pages from vpn[i], standing at frame pfn[i]. */
export class Runs {
  count = 0;
  readonly vpn = new Float64Array(MAX_RUNS);
  readonly pfn = new Float64Array(MAX_RUNS);
  readonly order = new Uint8Array(MAX_RUNS);
  readonly rights = new Uint8Array(MAX_RUNS);

  /** Adds a page; joins runs while they are buddies. False when the list is full. */
  add(vpn: number, pfn: number, rights: number): boolean {
    if (this.count === MAX_RUNS) return false;
    let i = this.count++;
    this.vpn[i] = vpn; this.pfn[i] = pfn; this.order[i] = 0; this.rights[i] = rights;
    while (i > 0 && this.buddies(i - 1, i)) { this.order[--i]!++; this.count--; }
    return true;
  }
  private buddies(lower: number, upper: number): boolean {
    const order = this.order[lower]!, size = 2 ** order;
    return order === this.order[upper] && this.rights[lower] === this.rights[upper]
      && this.vpn[upper] === this.vpn[lower]! + size && this.pfn[upper] === this.pfn[lower]! + size
      && this.vpn[lower]! % (2 * size) === 0 && this.pfn[lower]! % (2 * size) === 0;
  }
}

/** The rights to map below for a present page of an area: the area's, and writing only if the table permits it. */
function rightsOf(area: Vma, pte: number): number {
  const write = (pte & Pte.W) !== 0 && (area.prot & Prot.WRITE) !== 0;
  return (area.prot & (Prot.READ | Prot.WRITE) ? Prot.READ : 0) | (write ? Prot.WRITE : 0) | (area.prot & Prot.EXEC ? Prot.EXEC : 0);
}

/** Fills `runs` for the fault at `va`, which `mm.fault` has resolved. They always include the accessed page. */
export function around(mm: Mm, va: number, access: Access, runs: Runs): void {
  const write = access === Access.write;
  runs.count = 0;
  const area = mm.areas.find(va)!, vpn = Math.floor(va / 4096), window = area.object ? FILE_WINDOW : WINDOW;
  const low = Math.max(vpn - (vpn % window), area.start / 4096), high = Math.min(vpn - (vpn % window) + window, area.end / 4096);
  put(mm, area, vpn, mm.table.get(vpn), runs);
  // After the touched page upwards, then below it: runs grow in ascending order.
  for (let page = vpn + 1; page < high; page++) if (!neighbour(mm, area, page, write, runs)) return;
  for (let page = low; page < vpn; page++) if (!neighbour(mm, area, page, write, runs)) return;
}
function put(mm: Mm, area: Vma, vpn: number, pte: number, runs: Runs): boolean {
  const rights = rightsOf(area, pte), pfn = pteFrame(pte);
  if (!runs.add(vpn, pfn, rights)) return false;
  if (rights & Prot.EXEC) mm.frames.markCode(pfn);
  mm.table.set(vpn, pte | Pte.MAPPED);
  mm.frames.work.entered();
  return true;
}
/** A page nearby: mapped if that costs nothing. False when there is no room for more. */
function neighbour(mm: Mm, area: Vma, vpn: number, write: boolean, runs: Runs): boolean {
  let pte = mm.table.get(vpn);
  if (pte === 0) {
    if (!area.object?.resident(area.pageOf(vpn))) return true;
    const pfn = area.object.frameToRead(area.pageOf(vpn));
    if (pfn <= 0) return true;
    mm.frames.work.found();
    mm.frames.ref(pfn);
    pte = makePte(pfn, 0);
    mm.table.set(vpn, pte);
  } else if ((pte & Pte.NONE) !== 0) return true;
  if (write && (pte & Pte.W) === 0 && !area.shared && area.prot & Prot.WRITE
      && mm.frames.sole(pteFrame(pte))) { pte = (pte | Pte.W) & ~Pte.MAPPED; }
  return (pte & Pte.MAPPED) !== 0 || put(mm, area, vpn, pte, runs);
}
