/**
 * Page faults of a guest that runs deprivileged, in the six steps that docs/techniques.md tells of: the guest's own go to its handler, what
 * its tables allow is mapped by the answer, what is no memory is a device; stores to traced tables are done here.
 */
import { createDecoder } from '../../hardware/isa/decode.ts';
import { FULL_ISA } from '../../hardware/isa/table.ts';
import { Cause, Right, type Sys } from '../../microkernel/abi/index.ts';
import { accessDevice } from '../exits/memory.ts';
import { decodeAccess } from '../interpreter/access.ts';
import { fetchAt, walk, type Access } from '../memory/walker.ts';
import { isLong } from '../translate/sensitive.ts';
import { Trap, type Event, type Lent } from './lent.ts';

const PAGE = 4096;
/** scause of page faults, and what goes with it. */
const FAULTS: Readonly<Record<number, { access: Access; denied: bigint }>> = {
  12: { access: 'fetch', denied: Trap.fetchAccess }, 13: { access: 'load', denied: Trap.loadAccess },
    15: { access: 'store', denied: Trap.storeAccess },
};
const decode = createDecoder(FULL_ISA);

export class MemoryFaults {
  readonly #cpu: Lent;
  constructor(cpu: Lent) { this.#cpu = cpu; }

  /** A fault of the guest's tables goes to the guest (true); what they allow is mapped (hidden); what is no memory is a device. */
  *pageFault(scause: number, address: bigint, pc: bigint): Sys<void> {
    const view = this.#cpu.view, { ram, bus } = this.#cpu.vm, { access, denied } = FAULTS[scause]!,
      found = yield* this.#cpu.mmu.walk(this.#cpu.sys, view, address, access);
    if (found === 'page fault') return this.#cpu.reflect(BigInt(scause), address, pc);
    if (found === 'access fault') return this.#cpu.reflect(denied, address, pc);
    if (view.satp !== 0n && this.#cpu.vm.stubs?.pageAt(Number(BigInt.asIntN(64, address)), this.#cpu.id)) return yield* this.#closeStubs();
    if (access === 'store' && this.#cpu.mmu.isTable(found.page)) return yield* this.#storeToTable(found.page + Number(address & 0xfffn), pc,
      address);
    if (ram.isRam(found.page, PAGE)) return this.#cpu.code?.fault ? yield* this.#cpu.code.fault(this.#cpu.sys, access, found, address, pc)
      : this.#cpu.mmu.plan(view, address, found);
    const instruction = fetchAt(ram, view, pc), decoded = instruction === undefined ? undefined : decodeAccess(instruction);
    const gpa = found.page + Number(address & 0xfffn), window = decoded && gpa % decoded.size === 0 ? bus.find(gpa, decoded.size)
      : undefined;
    if (!decoded || !window) return this.#cpu.reflect(denied, address, pc);
    this.#cpu.touched(accessDevice(this.#cpu.utcb, window, gpa - window.base, decoded));
    this.#cpu.setPc(pc + BigInt(decoded.length));
    this.#cpu.mayLookAhead();
  }

  /** A load or store at `at` (guest-physical), whose page stands in a shadow, of a device. False: it is none, and nothing has happened. */
  deviceQuickly(access: 'load' | 'store', address: bigint, at: number): boolean {
    const cpu = this.#cpu, { ram, bus } = cpu.vm, found = at % PAGE > PAGE - 4 ? 'page fault' : walk(ram, cpu.view, address, access);
    if (typeof found === 'string' || ram.isRam(found.page, PAGE)) return false;
    const low = ram.u16(at), decoded = decodeAccess(isLong(low) ? ram.u32(at) | 0 : low), gpa = found.page + Number(address & 0xfffn);
    const window = decoded && decoded.store === (access === 'store') && gpa % decoded.size === 0 ? bus.find(gpa, decoded.size) : undefined;
    if (!window) return false;
    cpu.touched(accessDevice(cpu.utcb, window, gpa - window.base, decoded!));
    cpu.setPc(cpu.pc + BigInt(decoded!.length));
    return true;
  }

  /** A traced table: performs the store, or releases the page so that the guest performs it itself. */
  *#storeToTable(gpa: number, pc: bigint, address: bigint): Sys<void> {
    const word = fetchAt(this.#cpu.vm.ram, this.#cpu.view, pc), decoded = word === undefined ? undefined : decode(word);
    if (yield* this.#cpu.store(decoded, gpa)) {
      this.#cpu.setPc(pc + BigInt(decoded!.length));
      this.#cpu.mayLookAhead();
    } else this.#cpu.mmu.lend(this.#cpu.view, address);
  }

  /** A stub has accessed a page of the monitor's that is not mapped yet. */
  *lendOwn({ cause, scause, value }: Event): Sys<void> {
    const own = cause === Cause.pageFault ? this.#cpu.vm.stubs!.pageAt(Number(BigInt.asIntN(64, value)), this.#cpu.id) : undefined;
    if (!own) return;
    const found = yield* this.#cpu.mmu.walk(this.#cpu.sys, this.#cpu.view, value, FAULTS[scause]!.access);
    if (typeof found === 'object' && this.#cpu.view.satp !== 0n) yield* this.#closeStubs();
    else this.#cpu.mmu.planOwn(this.#cpu.view, value, own);
  }
  /** The guest has changed its tables, at this address or anywhere: it may have come to use the addresses of the stubs. */
  *changed(address: bigint | undefined): Sys<void> {
    const { stubs, ram } = this.#cpu.vm;
    if (stubs?.meets(ram, this.#cpu.view, address)) yield* this.#closeStubs();
  }
  /** The guest uses the addresses of the stubs: they go, and breakpoints stand again. */
  *#closeStubs(): Sys<void> {
    this.#cpu.code!.closeStubs();
    for (const va of this.#cpu.vm.stubs!.close(this.#cpu.vm.cpus.length)) yield* this.#cpu.mmu.withdraw(this.#cpu.sys, va, Right.RWX);
  }
}
