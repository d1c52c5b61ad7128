/**
 * Exits of a guest in the kernel's trace: by cause, and by the part of the monitor that handles them. A hidden fault is one whose answer
 * maps a page, so the guest never notices. The dispatcher sees every exit and passes it to the allocator (memory) or to the interpreter
 * (instructions and devices).
 */
import { createDecoder } from '../../hardware/isa/decode.ts';
import { FULL_ISA } from '../../hardware/isa/table.ts';
import { Cause, Kind, causeName } from '../../microkernel/abi/index.ts';

const decode = createDecoder(FULL_ISA);

/** The part of a trace record that counts. */
export interface Seen { readonly time: number; readonly kind: number; readonly actor: number; readonly object: number;
  readonly cause: number; readonly sequence: number; readonly a: number; readonly c: number }

export type Module = 'allocator' | 'interpreter' | 'dispatcher';
export interface ExitCounts { readonly byCause: Record<string, number>; readonly byModule: Record<Module,
  number>; total: number; /** Cycles from exits to their answers. */ monitor: number }
export const noExits = (): ExitCounts => ({ byCause: {}, byModule: { allocator: 0, interpreter: 0, dispatcher: 0 }, total: 0, monitor: 0 });

interface Open { readonly time: number; readonly cause: number; readonly counts: ExitCounts; name: string; module: Module }

/** Counts exits of the threads whose names say that they are virtual processors; `counts` is where they go now. */
export class ExitCounter {
  readonly #vcpus = new Set<number>();
  readonly #open = new Map<number, Open>();

  name(kind: string, id: number, text: string): void {
    if (kind === 'thread' && /^vm vCPU \d+$/.test(text)) this.#vcpus.add(id);
  }

  see(seen: Seen, counts: ExitCounts): void {
    if (seen.kind === Kind.event && this.#vcpus.has(seen.actor)) {
      const { name, module } = exitOf(seen.a, seen.c);
      this.#open.set(seen.sequence, { time: seen.time, cause: seen.a, counts, name, module });
    } else if (seen.kind === Kind.map && this.#open.get(seen.cause)?.cause === Cause.pageFault)
      this.#open.get(seen.cause)!.name = 'hidden fault';
    else if (seen.kind === Kind.resume) this.#close(seen);
  }
  #close(seen: Seen): void {
    const open = this.#open.get(seen.cause);
    if (!open) return;
    this.#open.delete(seen.cause);
    const { counts, name, module } = open;
    counts.total++;
    counts.byCause[name] = (counts.byCause[name] ?? 0) + 1;
    counts.byModule[module]++;
    counts.monitor += waits(open.cause) ? 0 : seen.time - open.time;
  }
}

/** While it sleeps or is not started, the time between exit and answer counts for no part. */
const waits = (cause: number): boolean => cause === Cause.wfi || cause === Cause.startup;

/** The reason of an exit; `detail` comes from the trace: an address, a call, or the instruction. */
export function exitOf(cause: number, detail: number): { name: string; module: Module } {
  switch (cause) {
    case Cause.illegal: return instruction(detail);
    case Cause.pageFault: return { name: 'true fault or device', module: 'allocator' };
    case Cause.guestPageFault: return { name: 'device', module: 'interpreter' };
    case Cause.syscall: return { name: 'call', module: 'interpreter' };
    case Cause.sbi: return { name: 'call', module: 'interpreter' };
    case Cause.breakpoint: return { name: 'breakpoint', module: 'interpreter' };
    case Cause.recall: return { name: 'recall', module: 'dispatcher' };
    default: return { name: causeName(cause), module: 'dispatcher' };
  }
}
function instruction(word: number): { name: string; module: Module } {
  const { row } = decode(word | 0);
  if (row.name.startsWith('csr')) return { name: 'CSR', module: 'interpreter' };
  if (row.name === 'sfence.vma' || row.name === 'sinval.vma') return { name: 'sfence.vma', module: 'allocator' };
  return { name: row.name, module: row.name === 'wfi' ? 'dispatcher' : 'interpreter' };
}
