/**
 * Trap and emulate: the guest's kernel runs in U mode like its programs, in ordinary tasks. What is privileged traps and is done to a
 * supervisor in software; memory is filled page by page as the guest's tables allow, into shadow spaces that last until a fence of the
 * guest (memory/shadow.ts). The thread visits the space that the guest's processor would be in; units that the guest has switched off are
 * off (floating point, cache-block instructions, counters).
 *
 *   event ── done to the supervisor in software ── interrupt due? ── space of the view that it has now ── answer: registers, a page, the
 * space
 */
import { createDecoder, type Decoded } from '../../hardware/isa/decode.ts';
import { FULL_ISA } from '../../hardware/isa/table.ts';
import { causeText } from '../../hardware/isa/causes.ts';
import { Cause, IpcFlag, Mtd, NEVER, Ops, Resume, S, ThreadFlag, U, type Sys, type Utcb } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import { accessDevice } from '../exits/memory.ts';
import { RepeatedFaults } from '../faults.ts';
import { decodeAccess } from '../interpreter/access.ts';
import { groupOf } from '../interpreter/store.ts';
import { instructionOf } from '../interpreter/walk.ts';
import { ShadowMmu } from '../memory/shadow-mmu.ts';
import { placeOf, type Access, type View } from '../memory/walker.ts';
import type { GuestCode } from '../translate/guest-code.ts';
import { Unrunnable } from '../translate/scanned.ts';
import { remoteFence } from '../sbi/rfence.ts';
import { A, maskedCpus, unsigned, type SbiCall } from '../sbi/sbi.ts';
import type { Vm } from '../vm.ts';
import { inPassing, type Lent } from './in-passing.ts';
import { LookAhead, type Ahead } from './look-ahead.ts';
import { Irq, Supervisor, type Outcome } from './supervisor.ts';
import { Units } from './units.ts';
import type { Technique, VirtualCpu } from './virtual-cpu.ts';

const GROUPS = Mtd.args | Mtd.regs | Mtd.pc, PAGE = 4096, NS_PER_TICK = 100;
const Trap = { fetchAccess: 1n, illegal: 2n, breakpoint: 3n, loadAccess: 5n, storeAccess: 7n, callFromUser: 8n } as const;
/** scause of page faults, and what goes with it. */
const FAULTS: Readonly<Record<number, { access: Access; denied: bigint }>> = {
  12: { access: 'fetch', denied: Trap.fetchAccess }, 13: { access: 'load', denied: Trap.loadAccess },
    15: { access: 'store', denied: Trap.storeAccess },
};
/** Cycles, estimated like those of the dispatcher: an exit with its decoding, a walk of the guest's tables. */
const COST = 120;
/** The extension of remote fences. */
const RFENCE = 0x5246_4e43;

const decode = createDecoder(FULL_ISA);
const hex = (value: bigint): string => `0x${BigInt.asUintN(64, value).toString(16)}`;

/** An event's words: where it was, and why. */
interface Event { readonly cause: number; readonly pc: bigint; readonly scause: number; readonly value: bigint }

class DeprivilegedCpu implements VirtualCpu {
  readonly id: number;
  readonly guest: number;
  readonly #vm: Vm;
  readonly #wake: number;
  readonly #mmu: ShadowMmu;
  readonly #faults = new RepeatedFaults();
  readonly #ahead: LookAhead | undefined;
  /** Where instructions of the guest's kernel have been replaced. */
  readonly #code: GuestCode | undefined;
  /** Its reason has been dealt with: nothing is on its way into a space, and what comes next may be looked at. */
  #mayLookAhead = false;
  readonly #inPassing: Ahead;
  #supervisor: Supervisor;
  #alarm: { at(time: number, action: () => void): void } | undefined;
  #sys!: Syscalls;
  #utcb!: Utcb;
  #phase: 'stopped' | 'handling' | 'waiting' | 'running' = 'stopped';
  #start: { pc: bigint; opaque: bigint } | undefined;
  started = false;
  suspended = false;
  /** Groups of registers that this event has changed. */
  #changed = 0;
  /** Selector of the task that it was last told to visit. */
  #task = 0;
  readonly #units = new Units();

  constructor(id: number, vm: Vm, guest: number, wake: number) {
    this.id = id;
    this.#vm = vm;
    this.guest = guest;
    this.#wake = wake;
    this.#mmu = new ShadowMmu(vm.ram, vm.tables, vm.selectors, () => this.#all.map((cpu) => cpu.#mmu),
      (sys) => sys.invoke(guest, Ops.thread.recall), vm.translation?.code);
    this.#code = vm.codeFor(this.#mmu, { x: this.#x, view: () => this.#view, setPc: (pc) => { this.#setPc(pc); },
      execute: (d, pc) => this.#execute(d, pc), reflect: (cause, value, pc) => { this.#reflect(cause, value, pc); } });
    this.#ahead = vm.lookAhead ? new LookAhead(vm.comparesCode) : undefined;
    this.#supervisor = this.#fresh();
    this.#inPassing = inPassing(this.#lend());
  }
  #fresh(): Supervisor { return new Supervisor(this.#vm.isa.split('_').includes('sstc')); }

  // ── what devices and SBI calls do to it ──

  useAlarm(alarm: { at(time: number, action: () => void): void }): void { this.#alarm = alarm; }
  raiseSoftware(): void {
    this.#supervisor.raiseSoftware();
    this.#vm.work.changed(this);
  }
  setExternal(level: boolean): void { this.#setLevel(Irq.external, level); }
  #setLevel(line: bigint, level: boolean): void {
    const s = this.#supervisor;
    s.levels = level ? s.levels | line : s.levels & ~line;
    this.#vm.work.changed(this);
  }
  begin(pc: bigint, opaque: bigint): void {
    this.#start = { pc, opaque };
    this.started = true;
    this.#vm.work.signal(this.#wake);
  }
  *attend(sys: Syscalls): Sys<void> {
    if (this.#phase === 'running') yield* sys.invoke(this.guest, Ops.thread.recall);
    else if (this.#phase === 'waiting') yield* sys.invoke(this.#wake, Ops.semaphore.up);
  }

  /** The comparator of stimecmp: its alarm raises the line, a later time lowers it. */
  #setTimer(tick: bigint): void {
    const ticks = Number(BigInt.asUintN(64, tick));
    this.#setLevel(Irq.timer, false);
    this.#alarm!.at(ticks < 2 ** 53 / NS_PER_TICK ? ticks * NS_PER_TICK : Infinity, () => this.#setLevel(Irq.timer, true));
  }

  // ── its events ──

  *serve(sys: Syscalls): Sys<void> {
    const vm = this.#vm;
    this.#utcb = sys.utcb;
    this.#sys = sys;
    let status = yield sys.ipc(IpcFlag.receive, 0, NEVER, NEVER);
    for (;;) {
      if (status !== 0 || !this.#quickly()) {
        if (status === 0) yield* this.#event();
        else yield* this.#mmu.refused(sys);
        if (vm.ended) yield* this.#rest();
        yield* this.#answer();
      }
      status = yield sys.ipc(IpcFlag.reply | IpcFlag.receive, 0, NEVER, NEVER);
    }
  }

  *#event(): Sys<void> {
    this.#phase = 'handling';
    this.#changed = 0;
    this.#mayLookAhead = false;
    this.#sys.charge(COST);
    yield* this.#handle();
    if (this.#unsettled) yield* this.#settle();
    if (!this.#interrupts()) return;
    if (this.#unsettled) yield* this.#settle();
    this.#interrupts();
  }
  get #unsettled(): boolean { return this.#vm.work.pending || this.#vm.crowded || (this.#ahead !== undefined && this.#mayLookAhead); }
  /** Looks ahead, where it may; what devices have caused is done. */
  *#settle(): Sys<void> {
    const { work } = this.#vm, sys = this.#sys;
    if (this.#ahead && this.#mayLookAhead) yield* this.#lookAhead(this.#ahead);
    if (!work.pending && !this.#vm.crowded) return;
    this.#mmu.forget(); // others run in between
    yield* work.deliver(sys, this);
    if (this.#vm.crowded) yield* this.#vm.waitForOutlets(sys);
  }
  /** Takes the interrupt that is due. */
  #interrupts(): boolean {
    const due = this.#supervisor.interrupt;
    if (due !== undefined) this.#reflect(due, 0n, this.#utcb.big(S.pc));
    return due !== undefined;
  }

  /**
   * The commonest exit from the event to its answer: an instruction that only changes whether interrupts are on, and none is waiting for
   * that. False: it is another one, and nothing has happened.
   */
  #quickly(): boolean {
    const u = this.#utcb, s = this.#supervisor, vm = this.#vm, cause = u.label, at = S.pc >> 2;
    if ((cause !== Cause.illegal && cause !== Cause.breakpoint) || !s.privileged || s.wakes || this.#ahead) return false;
    const word = cause === Cause.illegal ? u.u32[(U.words >> 2) + 2] : this.#code?.siteAt(u);
    if (word === undefined || vm.work.pending || vm.crowded || vm.ended || !this.#mmu.beginQuickly() || !s.quick(word, u)) return false;
    if (cause === Cause.breakpoint) this.#code!.counts.siteTraps++;
    const rd = (word >>> 7) & 31, low = u.u32[at]! + 4;
    u.u32[at] = low;
    if (low > 0xffff_ffff) u.u32[at + 1]!++;
    this.#sys.charge(COST);
    u.setTag(Resume.go, 0, 0);
    u.setNum(U.visit, this.#task);
    u.mtd = Mtd.pc | Mtd.visit | (rd === 0 ? 0 : groupOf(rd));
    return true;
  }

  /** Puts the answer into the UTCB. */
  *#answer(): Sys<void> {
    const u = this.#utcb, { task, items } = yield* this.#mmu.answer(this.#sys, this.#view);
    u.setTag(Resume.go, 0, items);
    u.setNum(U.visit, this.#task = task);
    u.mtd = this.#changed | Mtd.visit | this.#units.update(this.#supervisor, u);
    this.#phase = 'running';
  }

  *#handle(): Sys<void> {
    const u = this.#utcb, event: Event = { cause: u.label, pc: u.big(S.pc), scause: u.word(0), value: u.bigWord(1) };
    if (!this.#mmu.beginQuickly()) yield* this.#mmu.begin(this.#sys); // whose calls' words take the place of the event's
    if (!this.#code) return yield* this.#handleCause(event);
    try {
      yield* this.#handleCause(event);
    } catch (error) {
      if (!(error instanceof Unrunnable)) throw error;
      this.#stop(`cannot be run this way: '${this.#code.text?.(event.pc) ?? ''}' ${error.message}`);
    }
  }
  *#handleCause({ cause, pc, scause, value }: Event): Sys<void> {
    switch (cause) {
      case Cause.startup: return yield* this.#begin();
      case Cause.recall: return;
      case Cause.syscall: return this.#supervisor.privileged ? yield* this.#call() : this.#reflect(Trap.callFromUser, 0n, pc - 4n);
      case Cause.illegal: return yield* this.#instruction(Number(BigInt.asIntN(32, value)), pc);
      case Cause.pageFault: return yield* this.#pageFault(scause, value, pc);
      case Cause.breakpoint:
        if (this.#supervisor.privileged && this.#code && (yield* this.#code.breakpoint(pc, this.#utcb))) {
          this.#mayLookAhead = true;
          return;
        }
        return this.#reflect(Trap.breakpoint, value, pc);
      default: return this.#reflect(BigInt(scause), value, pc);
    }
  }

  /** Waits until it is started. @spec sbi 9.1: S mode, bare, interrupts off, a0 = hart, a1 = opaque */
  *#begin(): Sys<void> {
    const u = this.#utcb;
    this.#changed = GROUPS;
    while (!this.#start) {
      this.#phase = 'stopped';
      yield* this.#sys.down(this.#wake, Ops.semaphore.down, NEVER, 1);
    }
    const { pc, opaque } = this.#start, { levels } = this.#supervisor;
    this.#start = undefined;
    this.#phase = 'handling';
    this.#supervisor = this.#fresh();
    this.#supervisor.levels = levels & Irq.external;
    for (let n = 1; n < 32; n++) u.setXBig(n, 0n);
    u.setXBig(A.a0, BigInt(this.id));
    u.setXBig(A.a1, opaque);
    u.setBig(S.pc, pc);
  }

  /** A trap into the guest's supervisor; one that does nothing but fault is ended. */
  #reflect(cause: bigint, value: bigint, pc: bigint): void {
    const s = this.#supervisor, told = { pc: s.sepc, cause: Number(BigInt.asIntN(32, s.scause)) };
    if (!s.privileged || cause >> 63n !== 0n || cause === Trap.breakpoint) this.#faults.forget();
    else if (this.#faults.again(pc, Number(cause), value, told)) {
      const { first } = this.#faults;
      this.#stop(`does nothing but fault: ${causeText(first.cause)} at pc ${hex(first.pc)}; `
        + `its trap handler at ${hex(s.stvec)} faults as well (${causeText(Number(cause))}, value ${hex(value)})`);
    }
    this.#setPc(s.trap(cause, value, pc));
    this.#mayLookAhead = true;
  }
  #setPc(pc: bigint): void {
    this.#utcb.setBig(S.pc, pc);
    this.#changed |= Mtd.pc;
  }
  readonly #x = {
    get: (n: number): bigint => (n === 0 ? 0n : this.#utcb.xBig(n)),
    set: (n: number, value: bigint): void => {
      this.#utcb.setXBig(n, value);
      this.#changed |= groupOf(n);
    },
  };

  /** A call of the guest's kernel to its firmware. */
  *#call(): Sys<void> {
    const u = this.#utcb, vm = this.#vm;
    const c: SbiCall = { cpu: this, machine: vm, utcb: u, extension: unsigned(u, A.a7), fid: unsigned(u, A.a6), wait: 'nothing',
      setTimer: (time) => this.#setTimer(time) };
    this.#fenceTargets = c.extension === RFENCE ? (maskedCpus(c, A.a0, A.a1) ?? []).filter((cpu) => cpu instanceof DeprivilegedCpu) : [];
    const answer = vm.sbi.call(c);
    this.#changed |= Mtd.args;
    if (typeof c.wait === 'object') return yield* this.#resume(c.wait.resume, c.wait.opaque);
    if ('legacy' in answer) u.setX(A.a0, answer.legacy);
    else {
      u.setX(A.a0, answer.error);
      u.setX(A.a1, answer.value);
    }
    if (c.wait === 'fence') yield* this.#fenceOthers();
    if (c.wait === 'interrupt') yield* this.#waitForInterrupt();
    if (c.wait !== 'start') return;
    this.started = false;
    yield* this.#begin();
  }
  /** Remote fences: of code (which the machine keeps coherent), of a range, of a range in one address space. @spec sbi 8 */
  *#fenceOthers(): Sys<void> {
    const { fid, start, pages, asid } = remoteFence(this.#utcb);
    if (fid === 0) return;
    for (const cpu of this.#fenceTargets) {
      if (pages === 0) yield* cpu.#mmu.fence(this.#sys, asid);
      for (let i = 0; i < pages; i++) yield* cpu.#mmu.fence(this.#sys, { ...asid, address: start + BigInt(i * PAGE) });
    }
    this.#fenceTargets = [];
  }
  #fenceTargets: DeprivilegedCpu[] = [];

  /** Sleeps, and begins anew where it was told. @spec sbi 9.1, 13.1 */
  *#resume(pc: bigint, opaque: bigint): Sys<void> {
    this.suspended = true;
    yield* this.#waitForInterrupt();
    this.suspended = false;
    this.#start = { pc, opaque };
    yield* this.#begin();
  }

  // ── instructions ──

  *#instruction(word: number, pc: bigint): Sys<void> {
    const d = decode(word);
    if (!(yield* this.#execute(d, pc))) return this.#reflect(Trap.illegal, BigInt(d.length === 4 ? word >>> 0 : word & 0xffff), pc);
    this.#mayLookAhead = true;
  }

  /** One privileged instruction. False: there is no such thing for the guest, and nothing has happened. */
  *#execute(d: Decoded, pc: bigint): Sys<boolean> {
    const s = this.#supervisor, before = s.stimecmp, outcome: Outcome = s.execute(d, this.#x);
    if (s.stimecmp !== before) this.#setTimer(s.stimecmp);
    if (outcome === 'illegal') return false;
    this.#setPc(typeof outcome === 'object' && 'jump' in outcome ? outcome.jump : pc + BigInt(d.length));
    if (typeof outcome === 'object' && 'fence' in outcome) yield* this.#mmu.fence(this.#sys, outcome.fence, this.#view);
    if (outcome === 'wait') yield* this.#waitForInterrupt();
    return true;
  }

  // ── look-ahead ──

  *#lookAhead(ahead: LookAhead): Sys<void> {
    const from = this.#utcb.big(S.pc), { pc, cost } = yield* ahead.run(this.#inPassing, from);
    if (pc !== from) this.#setPc(pc);
    this.#sys.charge(cost);
  }
  #lend(): Lent {
    const cpu = this; // oxlint-disable-line no-this-alias -- getters
    return {
      vm: this.#vm, mmu: this.#mmu, x: this.#x,
      get supervisor() { return cpu.#supervisor; }, get view() { return cpu.#view; }, get utcb() { return cpu.#utcb; },
      get pc() { return cpu.#utcb.big(S.pc); },
      execute: (d, pc) => this.#execute(d, pc), store: (d, gpa) => this.#mmu.store(this.#sys, d, this.#x, gpa),
      touched: (groups) => { this.#changed |= groups; },
    };
  }

  *#waitForInterrupt(): Sys<void> {
    const { work } = this.#vm;
    if (work.pending) yield* work.deliver(this.#sys, this);
    while (!this.#supervisor.wakes && !this.#vm.ended) {
      this.#phase = 'waiting';
      yield* this.#sys.down(this.#wake, Ops.semaphore.down, NEVER, 1);
    }
    this.#phase = 'handling';
  }

  // ── memory ──

  get #view(): View {
    const { satp, privileged, sum, mxr } = this.#supervisor;
    return { satp, privileged, sum, mxr };
  }

  /** A fault of the guest's tables goes to the guest (true); what they allow is mapped (hidden); what is no memory is a device. */
  *#pageFault(scause: number, address: bigint, pc: bigint): Sys<void> {
    const view = this.#view, { ram, bus } = this.#vm, { access, denied } = FAULTS[scause]!,
      found = yield* this.#mmu.walk(this.#sys, view, address, access);
    if (found === 'page fault') return this.#reflect(BigInt(scause), address, pc);
    if (found === 'access fault') return this.#reflect(denied, address, pc);
    if (access === 'store' && this.#mmu.isTable(found.page)) return yield* this.#storeToTable(found.page + Number(address & 0xfffn), pc,
      address);
    if (ram.isRam(found.page, PAGE)) return this.#code?.fault ? yield* this.#code.fault(this.#sys, access, found, address, pc)
      : this.#mmu.plan(view, address, found);
    const instruction = this.#fetch(pc), decoded = instruction === undefined ? undefined : decodeAccess(instruction);
    const gpa = found.page + Number(address & 0xfffn), window = decoded && gpa % decoded.size === 0 ? bus.find(gpa, decoded.size)
      : undefined;
    if (!decoded || !window) return this.#reflect(denied, address, pc);
    this.#changed |= accessDevice(this.#utcb, window, gpa - window.base, decoded);
    this.#setPc(pc + BigInt(decoded.length));
    this.#mayLookAhead = true;
  }

  /** A traced table: the store is done here, or the page is let go and the guest does it itself. */
  *#storeToTable(gpa: number, pc: bigint, address: bigint): Sys<void> {
    const word = this.#fetch(pc), decoded = word === undefined ? undefined : decode(word);
    if (yield* this.#mmu.store(this.#sys, decoded, this.#x, gpa)) {
      this.#setPc(pc + BigInt(decoded!.length));
      this.#mayLookAhead = true;
    } else this.#mmu.lend(this.#view, address);
  }
  get #all(): DeprivilegedCpu[] { return this.#vm.cpus.filter((cpu) => cpu instanceof DeprivilegedCpu); }

  /** The instruction at the pc, through the guest's tables. */
  #fetch(pc: bigint): number | undefined {
    const { ram } = this.#vm;
    return instructionOf((va) => placeOf(ram, this.#view, va, 'fetch'), ram, pc);
  }

  #stop(why: string): void {
    const { privileged, satp } = this.#supervisor;
    this.#vm.end({ kind: 'stopped', why: `vCPU ${this.id} ${why} (pc ${hex(this.#utcb.big(S.pc))}, ${privileged ? 'S' : 'U'} mode, `
      + `satp ${hex(satp)})` });
  }

  /** A device is about to write there. */
  written(sys: Syscalls, page: number): Sys<void> { return this.#mmu.release(sys, page); }
  /** Its tasks go: the VM has ended. */
  release(sys: Syscalls): Sys<void> { return this.#mmu.spaces.destroy(sys); }

  /** The VM has ended: this thread only waits for its own end. */
  *#rest(): Sys<never> {
    yield* this.#vm.work.deliver(this.#sys, this);
    for (;;) yield* this.#sys.down(this.#wake, Ops.semaphore.down);
  }
}

const CAUSES = [Cause.startup, Cause.recall, Cause.syscall, Cause.pageFault, Cause.illegal, Cause.breakpoint, Cause.misaligned,
  Cause.accessFault] as const;

const technique = (name: string): Technique => ({
  name, taskKind: 0, threadFlags: ThreadFlag.alien, mapsAll: false, emulates: ['sstc'], needsAlarm: true, aheadNeeds: 0,
    exits: CAUSES.map((cause) => ({ cause, mtd: Mtd.exit | GROUPS })),
  create: (id, vm, guest, wake) => new DeprivilegedCpu(id, vm, guest, wake),
});
export const deprivileged = technique('trap');
/** The same, and code is looked at before it runs (translate/scanned.ts). */
export const patched = technique('patch');
/** The same, and code was rewritten when it was loaded (translate/listed.ts). */
export const previrtualized = technique('pre');
