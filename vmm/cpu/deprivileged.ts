/**
 * Trap and emulate: the guest's kernel runs in U mode like its programs, in ordinary tasks. Privileged instructions trap, and a supervisor
 * in software performs them; faults fill shadow spaces page by page as the guest's tables allow, until a fence of the guest
 * (memory/shadow.ts). The thread visits the space that the guest's processor would be in; units that the guest has switched off are
 * off (floating point, cache-block instructions, counters).
 *
 *   event ── supervisor in software performs it ── interrupt due? ── space of its present view ── answer: registers, a page, the space
 */
import { Cause, IpcFlag, Mtd, NEVER, Ops, Resume, S, U, type Sys, type Utcb } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import { COSTS } from '../costs.ts';
import { groupOf } from '../interpreter/store.ts';
import { FencedPage } from '../memory/fenced-page.ts';
import { ShadowMmu } from '../memory/shadow-mmu.ts';
import { LARGE } from '../memory/shadow.ts';
import { Stores } from '../memory/stores.ts';
import { pageOf, type View } from '../memory/walker.ts';
import type { GuestCode, Hands } from '../translate/guest-code.ts';
import { Unrunnable } from '../translate/scanned.ts';
import { StubExit } from '../translate/stub-exit.ts';
import { A } from '../sbi/sbi.ts';
import type { Vm } from '../vm.ts';
import { FirmwareCalls } from './firmware-calls.ts';
import { inPassing } from './in-passing.ts';
import { Instructions } from './instructions.ts';
import { Trap, type Event, type Lent } from './lent.ts';
import { LookAhead, type Ahead } from './look-ahead.ts';
import { MemoryFaults } from './memory-faults.ts';
import { showProcessor, type SoftwareProcessor } from './outside.ts';
import { Presence } from './presence.ts';
import { shown } from './shown.ts';
import { Csr, Irq, Supervisor } from './supervisor.ts';
import { Units } from './units.ts';
import type { VirtualCpu } from './virtual-cpu.ts';

export const GROUPS = Mtd.args | Mtd.regs | Mtd.pc;
const NS_PER_TICK = 100;
/** An exit with its decoding and a walk of the guest's tables. */
const COST = COSTS.dispatch + COSTS.decode + COSTS.walk;
/** What has become of an exit that may be a common one. */
const Quick = { no: 0, done: 1, fence: 2, effects: 3 } as const;
type Quick = (typeof Quick)[keyof typeof Quick];
/** What page faults say of loads and stores. */
const LOAD_FAULT = 13, STORE_FAULT = 15;
/** `sfence.vma rs1, zero`. @spec priv 12.2.1 */
const FENCE = { match: 0x1200_0073, mask: 0xfff0_7fff | 0, rs1: 31 << 15 } as const;

export class DeprivilegedCpu implements VirtualCpu {
  readonly id: number;
  readonly guest: number;
  readonly #vm: Vm;
  readonly #presence: Presence;
  readonly #mmu: ShadowMmu;
  readonly #ahead: LookAhead | undefined;
  /** Where instructions of the guest's kernel have been replaced. */
  readonly #code: GuestCode | undefined;
  /** How the guest leaves the stubs of hot instructions. */
  #stubExit: StubExit | undefined;
  /** The event's cause is handled: no mapping is on its way into a space, so look-ahead may begin. */
  #mayLookAhead = false;
  readonly #inPassing: Ahead;
  readonly #firmware: FirmwareCalls;
  readonly #instructions: Instructions;
  readonly #faultsAtMemory: MemoryFaults;
  readonly #hands: Hands;
  readonly #stores: Stores;
  readonly #outside: SoftwareProcessor;
  #supervisor: Supervisor;
  #alarm: { at(time: number, action: () => void): void } | undefined;
  #sys!: Syscalls;
  #utcb!: Utcb;
  started = false;
  suspended = false;
  /** Groups of registers that this event has changed. */
  #changed = 0;
  /** Selector of the task that the thread visited last. */
  #task = 0;
  readonly #units = new Units();
  /** The fence of one page that this event is. */
  #fence = 0;

  constructor(id: number, vm: Vm, guest: number, wake: number) {
    this.id = id;
    this.#vm = vm;
    this.guest = guest;
    this.#presence = new Presence(vm, guest, wake);
    this.#mmu = new ShadowMmu(vm.ram, vm.tables, vm.selectors, () => this.#all.map((cpu) => cpu.#mmu),
      (sys) => sys.invoke(guest, Ops.thread.recall), vm.codeRights);
    this.#hands = { x: this.#x, view: () => this.#view, setPc: (pc) => { this.#setPc(pc); },
      leaked: () => this.#supervisor.peek(Csr.sstatus)!,
      isFencedPage: (address) => this.#mmu.spaces.fenced?.is(pageOf(address)) ?? false,
      execute: (d, pc) => this.#instructions.execute(d, pc),
      reflect: (cause, value, pc) => { this.#reflect(cause, value, pc); } };
    this.#code = vm.codeFor(this.#mmu, this.#hands);
    this.#ahead = vm.lookAhead ? new LookAhead(vm.comparesCode, vm.decoded) : undefined;
    this.#supervisor = this.#fresh();
    const lent = this.#lend();
    this.#inPassing = inPassing(lent);
    this.#stores = new Stores(vm.ram, this.#x);
    this.#firmware = new FirmwareCalls(lent);
    this.#outside = shown(lent);
    this.#faultsAtMemory = new MemoryFaults(lent);
    this.#instructions = new Instructions(lent, this.#faultsAtMemory);
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
    const supervisor = this.#supervisor;
    supervisor.levels = level ? supervisor.levels | line : supervisor.levels & ~line;
    this.#vm.work.changed(this);
  }
  begin(pc: bigint, opaque: bigint): void {
    this.started = true;
    this.#presence.begin({ pc, opaque });
  }
  attend(sys: Syscalls): Sys<void> { return this.#presence.attend(sys); }

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
    showProcessor(sys.utcb, this.#outside);
    let how = Quick.no as Quick;
    const tryQuickly = (): boolean => (how = this.#quickly()) === Quick.done;
    let status = yield sys.ipc(IpcFlag.receive, 0, NEVER, NEVER);
    for (;;) { // the first event is the startup
      if (status !== 0 || how !== Quick.fence || !(yield* this.#fenceOfPage())) {
        if (status === 0) yield* how === Quick.effects ? this.#finish() : this.#event();
        else yield* this.#mmu.refused(sys);
        if (vm.ended) yield* this.#presence.rest(this.#sys, this);
        yield* this.#answer();
      }
      status = yield sys.serve(tryQuickly);
    }
  }

  *#event(): Sys<void> {
    this.#presence.phase = 'handling';
    this.#changed = 0;
    this.#mayLookAhead = false;
    this.#sys.charge(COST);
    yield* this.#handle();
    yield* this.#finish();
  }
  *#finish(): Sys<void> {
    if (this.#unsettled) yield* this.#settle();
    if (!this.#interrupts()) return;
    if (this.#unsettled) yield* this.#settle();
    this.#interrupts();
  }
  get #unsettled(): boolean { return this.#vm.work.pending || this.#vm.crowded || (this.#ahead !== undefined && this.#mayLookAhead); }
  /** Looks ahead if it may; delivers the effects of devices. */
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
   * that; or a fence of one page is found, and has yet to be done. No: it is another one, and nothing has happened.
   */
  #quickly(): Quick {
    const utcb = this.#utcb, supervisor = this.#supervisor, vm = this.#vm, cause = utcb.label;
    if (cause === Cause.pageFault) return this.#faultQuickly();
    const isInstruction = cause === Cause.illegal || cause === Cause.breakpoint;
    if (!isInstruction || !supervisor.privileged || supervisor.wakes || this.#ahead) return Quick.no;
    supervisor.refresh();
    const word = cause === Cause.illegal ? utcb.u32[(U.words >> 2) + 2] : this.#code?.siteAt(utcb);
    if (word === undefined || vm.work.pending || vm.crowded || vm.ended || !this.#mmu.beginQuickly()) return Quick.no;
    if ((word & FENCE.mask) === FENCE.match && (word & FENCE.rs1) !== 0) {
      this.#fence = word;
      return Quick.fence;
    }
    if (!supervisor.quick(word, utcb)) return Quick.no;
    const rd = (word >>> 7) & 31;
    this.#step(cause);
    this.#sys.charge(COST);
    this.#goOn(0, (rd === 0 ? 0 : groupOf(rd)) | (cause === Cause.breakpoint ? this.#followSites() : 0));
    return Quick.done;
  }
  /** A fault of the guest's kernel at a device, or at the page that is fenced over and over. Effects: others have to hear of it. */
  #faultQuickly(): Quick {
    const utcb = this.#utcb, supervisor = this.#supervisor, vm = this.#vm, scause = utcb.word(0);
    if (!supervisor.privileged || (scause !== STORE_FAULT && scause !== LOAD_FAULT)) return Quick.no;
    const gpa = this.#mmu.placeOfPc(utcb);
    if (gpa === undefined || this.#stubExit?.concerns(utcb.num(S.pc))) return Quick.no;
    supervisor.refresh();
    if (supervisor.wakes || this.#ahead || vm.work.pending || vm.crowded || vm.ended || !this.#mmu.beginQuickly()) return Quick.no;
    this.#changed = Mtd.pc;
    const isStore = scause === STORE_FAULT, address = utcb.bigWord(1), isStored = isStore && this.#storeQuickly(address, gpa);
    if (!isStored && !this.#faultsAtMemory.deviceQuickly(isStore ? 'store' : 'load', address, gpa)) return Quick.no;
    this.#sys.charge(COST);
    if (vm.work.pending || vm.crowded || vm.ended) {
      this.#presence.phase = 'handling';
      return Quick.effects;
    }
    this.#goOn(0, this.#changed);
    return Quick.done;
  }
  #storeQuickly(address: bigint, gpa: number): boolean {
    const utcb = this.#utcb, stores = this.#stores, { fenced } = this.#mmu.spaces;
    if (!fenced?.takes(pageOf(address), Number(address & 0xfffn))) return false;
    const pc = utcb.big(S.pc), at = Number(pc & 0xfffn);
    const place = { at: pc - BigInt(at), gpa: gpa - at, offset: at };
    if (!stores.run(this.#view, place, address)) return false;
    utcb.setBig(S.pc, place.at + BigInt(place.offset));
    fenced.stored(stores.end);
    this.#sys.charge(stores.steps * COSTS.step);
    return true;
  }
  /** Sites that stand right behind one that has been performed, in the same visit; answers the groups of registers that have changed. */
  #followSites(): number {
    const utcb = this.#utcb, supervisor = this.#supervisor;
    let groups = 0;
    for (let word = this.#code!.nextSite(utcb); word !== undefined && supervisor.quick(word, utcb); word = this.#code!.nextSite(utcb)) {
      const rd = (word >>> 7) & 31;
      if (rd !== 0) groups |= groupOf(rd);
      this.#step(Cause.illegal); // it was none, but no breakpoint was met either
      this.#sys.charge(COSTS.decode + COSTS.step);
    }
    return groups;
  }
  /** Past an instruction of 4 bytes, which came here in this way. */
  #step(cause: number): void {
    const utcb = this.#utcb, at = S.pc >> 2, low = utcb.u32[at]! + 4;
    if (cause === Cause.breakpoint) this.#code!.counts.siteTraps++;
    utcb.u32[at] = low;
    if (low > 0xffff_ffff) utcb.u32[at + 1]!++;
  }
  /** The answer of an exit that changes neither space nor units. */
  #goOn(items: number, groups: number): void {
    const utcb = this.#utcb;
    this.#supervisor.publish();
    utcb.setTag(Resume.go, 0, items);
    utcb.setNum(U.visit, this.#task);
    utcb.mtd = Mtd.pc | Mtd.visit | groups;
  }
  /** A fence of one page: a kernel that patches itself does nothing else half of the time. False: nothing has happened. */
  *#fenceOfPage(): Sys<boolean> {
    const utcb = this.#utcb, vm = this.#vm, address = utcb.xBig((this.#fence >>> 15) & 31), at = pageOf(address), cause = utcb.label;
    if (this.#stubExit && at < 0 && at >= -LARGE) return false; // it may concern the addresses of stubs
    const task = this.#mmu.fenceQuickly(utcb, at);
    if (task === undefined) return false;
    this.#step(cause);
    this.#presence.phase = 'handling';
    this.#changed = Mtd.pc;
    this.#sys.charge(COST);
    if (task !== 0) yield this.#sys.ipc(IpcFlag.send | IpcFlag.call | IpcFlag.receive, task);
    const view = this.#view;
    this.#mmu.expect(view, address);
    const isPlain = !this.#unsettled && !this.#supervisor.wakes && !vm.ended; // as it is unless others have run meanwhile
    if (!isPlain) yield* this.#finish();
    if (vm.ended) yield* this.#presence.rest(this.#sys, this);
    const items = isPlain ? this.#mmu.answerQuickly(utcb, view) : undefined;
    if (items === undefined) yield* this.#answer();
    else this.#goOn(items, 0);
    this.#presence.phase = 'running';
    return true;
  }

  /** Puts the answer into the UTCB. */
  *#answer(): Sys<void> {
    const utcb = this.#utcb, { task, items } = yield* this.#mmu.answer(this.#sys, this.#view);
    this.#supervisor.publish();
    utcb.setTag(Resume.go, 0, items);
    utcb.setNum(U.visit, this.#task = task);
    utcb.mtd = this.#changed | Mtd.visit | this.#units.update(this.#supervisor, utcb);
    this.#presence.phase = 'running';
  }

  *#handle(): Sys<void> {
    const utcb = this.#utcb, event: Event = { cause: utcb.label, pc: utcb.big(S.pc), scause: utcb.word(0), value: utcb.bigWord(1) };
    if (!this.#mmu.beginQuickly()) yield* this.#mmu.begin(this.#sys); // whose calls' words take the place of the event's
    if (!this.#code) return yield* this.#handleCause(event);
    try {
      if (this.#stubExit && this.#supervisor.privileged) {
        this.#supervisor.refresh();
        const exit = this.#stubExit;
        if (exit.concerns(utcb.num(S.pc)) && (yield* exit.leave(event.pc))) return yield* this.#faultsAtMemory.lendOwn(event);
      }
      yield* this.#handleCause(event);
    } catch (error) {
      if (!(error instanceof Unrunnable)) throw error;
      this.#instructions.stop(`cannot be run this way: '${this.#code.text?.(event.pc) ?? ''}' ${error.message}`);
    }
  }
  *#handleCause({ cause, pc, scause, value }: Event): Sys<void> {
    switch (cause) {
      case Cause.startup: return yield* this.#begin();
      case Cause.recall: return;
      case Cause.syscall: return this.#supervisor.privileged ? yield* this.#firmware.call() : this.#reflect(Trap.callFromUser, 0n, pc - 4n);
      case Cause.illegal: return yield* this.#instructions.trapped(Number(BigInt.asIntN(32, value)), pc);
      case Cause.pageFault: return yield* this.#faultsAtMemory.pageFault(scause, value, pc);
      case Cause.breakpoint:
        if (this.#code && (yield* this.#code.breakpoint(this.#sys, pc, this.#utcb))) {
          this.#mayLookAhead = true;
          return;
        }
        return this.#vm.stubs?.covers(pc) ? this.#reflect(Trap.fetchPage, pc, pc) : this.#reflect(Trap.breakpoint, value, pc);
      default: return this.#reflect(BigInt(scause), value, pc);
    }
  }

  /** Waits until it is started. @spec sbi 9.1: S mode, bare, interrupts off, a0 = hart, a1 = opaque */
  *#begin(): Sys<void> {
    const utcb = this.#utcb;
    this.#changed = GROUPS;
    const { pc, opaque } = yield* this.#presence.started(this.#sys), { levels } = this.#supervisor;
    this.#supervisor = this.#fresh();
    this.#supervisor.levels = levels & Irq.external;
    const { stubs } = this.#vm, state = stubs?.state(this.#sys, this.id);
    if (state) this.#supervisor.usePage(state);
    this.#stubExit = state && new StubExit(stubs!, state, this.#hands, this.#vm.ram);
    this.#mmu.spaces.fenced = state && !this.#vm.tables ? new FencedPage(state) : undefined;
    for (let n = 1; n < 32; n++) utcb.setXBig(n, 0n);
    utcb.setXBig(A.a0, BigInt(this.id));
    utcb.setXBig(A.a1, opaque);
    utcb.setBig(S.pc, pc);
  }

  #reflect(cause: bigint, value: bigint, pc: bigint): void { this.#instructions.reflect(cause, value, pc); }
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

  // ── look-ahead ──

  *#lookAhead(ahead: LookAhead): Sys<void> {
    const from = this.#utcb.big(S.pc), { pc, cost } = yield* ahead.run(this.#inPassing, from);
    if (pc !== from) this.#setPc(pc);
    this.#sys.charge(cost);
  }
  #lend(): Lent {
    const cpu = this; // oxlint-disable-line no-this-alias -- getters
    return {
      id: this.id, self: this, vm: this.#vm, mmu: this.#mmu, x: this.#x, code: this.#code,
      get sys() { return cpu.#sys; }, get supervisor() { return cpu.#supervisor; }, get view() { return cpu.#view; },
      get utcb() { return cpu.#utcb; }, get pc() { return cpu.#utcb.big(S.pc); },
      setPc: this.#hands.setPc, reflect: this.#hands.reflect, execute: this.#hands.execute,
      store: (d, gpa) => this.#mmu.store(this.#sys, d, this.#x, gpa), touched: (groups) => { this.#changed |= groups; },
      mayLookAhead: () => { this.#mayLookAhead = true; }, setTimer: (tick) => { this.#setTimer(tick); },
      waitForInterrupt: () => this.#presence.waitForInterrupt(this.#sys, this, this.#supervisor),
      mmuOf: (cpu) => (cpu instanceof DeprivilegedCpu ? [cpu.#mmu] : []),
      begin: (at) => { if (at) this.#presence.useStart(at); return this.#begin(); },
    };
  }

  // ── memory ──

  get #view(): View {
    const { satp, privileged, sum, mxr } = this.#supervisor;
    return { satp, privileged, sum, mxr };
  }

  get #all(): DeprivilegedCpu[] { return this.#vm.cpus.filter((cpu) => cpu instanceof DeprivilegedCpu); }

  /** A device is about to write there. */
  written(sys: Syscalls, page: number): Sys<void> { return this.#mmu.release(sys, page); }
  /** Releases its tasks after the end of the VM. */
  release(sys: Syscalls): Sys<void> { return this.#mmu.spaces.destroy(sys); }
}
