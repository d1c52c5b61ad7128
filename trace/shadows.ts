/**
 * Shadow spaces in the kernel's trace: the results of faults of deprivileged guests, and their spaces. A fault is hidden when its answer
 * maps a page into a space, true (or a device's) when the guest's own handler or a device gets it. A switch to an existing space is a hit
 * of what the literature calls a CR3 cache.
 */
import { Cause, Kind } from '../microkernel/abi/index.ts';

export interface ShadowRow {
  /** Monitor. */
  readonly task: string;
  hidden: number;
  /** … to the guest's handler, or to a device. */
  other: number;
  /** Pages that a fence mapped before their first use. */
  ahead: number;
  made: number;
  /** Switches to an existing space; to a new one. */
  found: number;
  fresh: number;
  gone: number;
}
/** The parts of a record to count. */
interface Seen { readonly kind: number; readonly actor: number; readonly object: number; readonly hart: number; readonly sequence: number;
  readonly cause: number; readonly a: number }

const SPACE = /^(.*) shadow of /, VCPU = / vCPU \d+$/, SERVES = /exits|timer/;
/** Is this the name of a shadow space? Of a guest's processor? */
export const isShadowSpace = (name: string): boolean => SPACE.test(name);
export const isGuestThread = (name: string): boolean => VCPU.test(name) && !SERVES.test(name);

export class ShadowCounter {
  readonly #rows = new Map<string, ShadowRow>();
  readonly #spaces = new Map<number, { readonly row: ShadowRow; entered: boolean }>();
  readonly #guests = new Set<number>();
  readonly #open = new Map<number, { readonly fault: boolean; space: number }>();
  readonly #active = new Map<number, number>();

  name(kind: string, id: number, text: string): void {
    if (kind === 'thread' && isGuestThread(text)) this.#guests.add(id);
    const task = kind === 'task' ? SPACE.exec(text)?.[1] : undefined;
    if (task === undefined || this.#spaces.has(id)) return;
    let row = this.#rows.get(task);
    if (!row) this.#rows.set(task, row = { task, hidden: 0, other: 0, ahead: 0, made: 0, found: 0, fresh: 0, gone: 0 });
    row.made++;
    this.#spaces.set(id, { row, entered: false });
  }

  /** Whether there is anything to count. */
  get any(): boolean { return this.#spaces.size > 0; }

  see(seen: Seen): void {
    if (seen.kind === Kind.event && this.#guests.has(seen.actor))
      this.#open.set(seen.sequence, { fault: seen.a === Cause.pageFault, space: 0 });
    else if (seen.kind === Kind.map) this.#mapped(seen);
    else if (seen.kind === Kind.resume) this.#answered(seen);
    else if (seen.kind === Kind.spaceSwitch) this.#entered(seen);
    else if (seen.kind === Kind.destroy) this.#ended(seen.object);
  }
  #mapped({ cause, object }: Seen): void {
    const open = this.#open.get(cause);
    if (open && this.#spaces.has(object)) open.space = object;
  }
  #answered({ cause }: Seen): void {
    const open = this.#open.get(cause);
    if (!open) return;
    this.#open.delete(cause);
    const row = this.#spaces.get(open.space)?.row;
    if (row && open.fault) row.hidden++;
    else if (row) row.ahead++;
    else if (open.fault && this.#rows.size > 0) this.#last!.other++;
  }
  /** Of several monitors, the one with the last entered space. */
  get #last(): ShadowRow | undefined { return this.#latest ?? [...this.#rows.values()].at(-1); }
  #latest: ShadowRow | undefined;
  #entered({ hart, object }: Seen): void {
    const space = this.#spaces.get(object);
    if (!space) return;
    this.#latest = space.row;
    if (this.#active.get(hart) === object) return;
    this.#active.set(hart, object);
    space.row[space.entered ? 'found' : 'fresh']++;
    space.entered = true;
  }
  #ended(task: number): void {
    const space = this.#spaces.get(task);
    if (!space) return;
    space.row.gone++;
    this.#spaces.delete(task);
  }

  rows(): ShadowRow[] { return [...this.#rows.values()]; }
}
