/**
 * Trap and emulate: the guest's kernel runs in U mode like its programs, in an ordinary task. What is privileged traps and is done to a supervisor in software; memory
 * is mapped page by page as the guest's tables allow, and forgotten when they may have changed (memory/walker.ts).
 *
 * A task for each virtual processor stands for whatever address space that is in: it is emptied at each change between kernel and user, of satp, SUM or MXR, and at each fence.
 */
import { createDecoder } from '../../hardware/isa/decode.ts';
import { FULL_ISA } from '../../hardware/isa/table.ts';
import { Cause, IpcFlag, Mtd, NEVER, Ops, Resume, S, ThreadFlag, memoryPage, wholeSpace, type Sys, type Syscalls, type Utcb } from '../../microkernel/abi/index.ts';
import { accessDevice } from '../exits/memory.ts';
import { decodeAccess } from '../interpreter/access.ts';
import { walk, type Access, type View } from '../memory/walker.ts';
import { A, unsigned, type SbiCall } from '../sbi/sbi.ts';
import type { Vm } from '../vm.ts';
import { Irq, Supervisor, type Outcome } from './supervisor.ts';
import type { Technique, VirtualCpu } from './virtual-cpu.ts';

const GROUPS = Mtd.args | Mtd.regs | Mtd.pc, PAGE_BITS = 12, PAGE = 2 ** PAGE_BITS, NS_PER_TICK = 100;
/** Addresses of a task: the lower half of Sv39. */
const REACH = 2n ** 38n;
const Trap = { fetchAccess: 1n, illegal: 2n, breakpoint: 3n, loadAccess: 5n, storeAccess: 7n, callFromUser: 8n } as const;
/** scause of page faults, and what goes with it. */
const FAULTS: Readonly<Record<number, { access: Access; denied: bigint }>> = {
  12: { access: 'fetch', denied: Trap.fetchAccess }, 13: { access: 'load', denied: Trap.loadAccess }, 15: { access: 'store', denied: Trap.storeAccess },
};
/** Cycles, estimated like those of the dispatcher: an exit with its decoding, a walk of the guest's tables. */
const COST = 120;

const decode = createDecoder(FULL_ISA);
const hex = (value: bigint): string => `0x${BigInt.asUintN(64, value).toString(16)}`;

class DeprivilegedCpu implements VirtualCpu {
  readonly id: number;
  readonly guest: number;
  readonly #vm: Vm;
  /** Selector of its task. */
  readonly #space: number;
  readonly #wake: number;
  #supervisor: Supervisor;
  #alarm: { at(time: number, action: () => void): void } | undefined;
  #sys!: Syscalls;
  #utcb!: Utcb;
  #phase: 'stopped' | 'handling' | 'waiting' | 'running' = 'stopped';
  #start: { pc: bigint; opaque: bigint } | undefined;
  started = false;
  suspended = false;
  /** The task holds pages of this view; undefined: it may hold none. */
  #filled: View | undefined;

  constructor(id: number, vm: Vm, guest: number, wake: number, space: number) {
    this.#space = space;
    this.id = id;
    this.#vm = vm;
    this.guest = guest;
    this.#wake = wake;
    this.#supervisor = this.#fresh();
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
    const u = (this.#utcb = sys.utcb), vm = this.#vm;
    this.#sys = sys;
    let status = yield sys.ipc(IpcFlag.receive, 0, NEVER, NEVER);
    for (;;) {
      if (status === 0) {
        this.#phase = 'handling';
        sys.charge(COST);
        yield* this.#handle(u.label);
        if (vm.work.pending) yield* vm.work.deliver(sys, this);
        if (vm.crowded) yield* vm.waitForOutlets(sys);
        if (vm.ended) yield* this.#rest();
        const due = this.#supervisor.interrupt;
        if (due !== undefined) this.#reflect(due, 0n, u.big(S.pc));
        yield* this.#settle();
        u.setTag(Resume.go, 0);
        u.mtd = GROUPS;
        this.#phase = 'running';
      }
      status = yield sys.ipc(status === 0 ? IpcFlag.reply | IpcFlag.receive : IpcFlag.receive, 0, NEVER, NEVER);
    }
  }

  *#handle(cause: number): Sys<void> {
    const u = this.#utcb, pc = u.big(S.pc), scause = u.word(0), value = u.bigWord(1);
    switch (cause) {
      case Cause.startup: return yield* this.#begin();
      case Cause.recall: return;
      case Cause.syscall: return this.#supervisor.privileged ? yield* this.#call() : this.#reflect(Trap.callFromUser, 0n, pc - 4n);
      case Cause.illegal: return yield* this.#instruction(Number(BigInt.asIntN(32, value)), pc);
      case Cause.pageFault: return yield* this.#pageFault(scause, value, pc);
      default: return this.#reflect(BigInt(scause), value, pc);
    }
  }

  /** Waits until it is started. @spec sbi 9.1: S mode, bare, interrupts off, a0 = hart, a1 = opaque */
  *#begin(): Sys<void> {
    const u = this.#utcb;
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

  #reflect(cause: bigint, value: bigint, pc: bigint): void { this.#utcb.setBig(S.pc, this.#supervisor.trap(cause, value, pc)); }

  /** A call of the guest's kernel to its firmware. */
  *#call(): Sys<void> {
    const u = this.#utcb, vm = this.#vm;
    const c: SbiCall = { cpu: this, machine: vm, utcb: u, extension: unsigned(u, A.a7), fid: unsigned(u, A.a6), wait: 'nothing', setTimer: (time) => this.#setTimer(time) };
    const answer = vm.sbi.call(c);
    if (typeof c.wait === 'object') return yield* this.#resume(c.wait.resume, c.wait.opaque);
    if ('legacy' in answer) u.setX(A.a0, answer.legacy);
    else {
      u.setX(A.a0, answer.error);
      u.setX(A.a1, answer.value);
    }
    if (c.wait === 'fence') for (const cpu of vm.cpus) if (cpu instanceof DeprivilegedCpu) yield* cpu.empty(this.#sys);
    if (c.wait === 'interrupt') yield* this.#waitForInterrupt();
    if (c.wait !== 'start') return;
    this.started = false;
    yield* this.#begin();
  }
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
    const u = this.#utcb, s = this.#supervisor, d = decode(word), before = s.stimecmp;
    const outcome: Outcome = s.execute(d, { get: (n) => (n === 0 ? 0n : u.xBig(n)), set: (n, value) => u.setXBig(n, value) });
    if (s.stimecmp !== before) this.#setTimer(s.stimecmp);
    if (outcome === 'illegal') return this.#reflect(Trap.illegal, BigInt(d.length === 4 ? word >>> 0 : word & 0xffff), pc);
    if (typeof outcome === 'object' && 'jump' in outcome) return u.setBig(S.pc, outcome.jump);
    u.setBig(S.pc, pc + BigInt(d.length));
    if (typeof outcome === 'object') this.#filled = undefined;
    if (outcome === 'wait') yield* this.#waitForInterrupt();
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

  /** A fault of the guest's tables goes to the guest; what they allow is mapped; what is no memory is a device. */
  *#pageFault(scause: number, address: bigint, pc: bigint): Sys<void> {
    yield* this.#settle(); // from the walk on nothing may come between: another processor's fence would be lost
    const { ram, bus } = this.#vm, { access, denied } = FAULTS[scause]!, found = walk(ram, this.#view, address, access);
    if (found === 'page fault') return this.#reflect(BigInt(scause), address, pc);
    if (found === 'access fault') return this.#reflect(denied, address, pc);
    if (BigInt.asUintN(64, address) >= REACH) return this.#stop(`uses address ${hex(address)}, and trap and emulate reaches ${hex(REACH - 1n)}`);
    if (ram.isRam(found.page, PAGE)) return yield* this.#map(Number(address), found.page, found.rights);
    const instruction = this.#fetch(pc), decoded = instruction === undefined ? undefined : decodeAccess(instruction);
    const gpa = found.page + Number(address & 0xfffn), window = decoded && gpa % decoded.size === 0 ? bus.find(gpa, decoded.size) : undefined;
    if (!decoded || !window) return this.#reflect(denied, address, pc);
    accessDevice(this.#utcb, window, gpa - window.base, decoded);
    this.#utcb.setBig(S.pc, pc + BigInt(decoded.length));
  }

  *#map(address: number, page: number, rights: number): Sys<void> {
    const { ram } = this.#vm, at = address - (address % PAGE);
    yield* this.#sys.must(this.#space, Ops.task.map, [0, memoryPage(ram.va(page, PAGE), PAGE_BITS, rights), at, 0]);
  }

  /** The task holds nothing that the guest's present view does not allow. */
  *#settle(): Sys<void> {
    const now = this.#view, then = this.#filled;
    if (then && then.satp === now.satp && then.privileged === now.privileged && then.sum === now.sum && then.mxr === now.mxr) return;
    yield* this.empty(this.#sys);
    this.#filled = now;
  }

  /** Its task loses all pages, at once, whoever asks. */
  empty(sys: Syscalls): Sys<void> { return sys.must(this.#space, Ops.task.unmap, [wholeSpace(), 1]); }

  /** The instruction at the pc, through the guest's tables. */
  #fetch(pc: bigint): number | undefined {
    const half = (at: bigint): number | undefined => {
      const found = walk(this.#vm.ram, this.#view, at, 'fetch');
      return typeof found === 'object' && this.#vm.ram.isRam(found.page, PAGE) ? this.#vm.ram.u16(found.page + Number(at & 0xfffn)) : undefined;
    };
    const low = half(pc), high = low !== undefined && (low & 3) === 3 ? half(pc + 2n) : 0;
    return low === undefined || high === undefined ? undefined : low | (high << 16);
  }

  #stop(why: string): void {
    const { privileged, satp } = this.#supervisor;
    this.#vm.end({ kind: 'stopped', why: `vCPU ${this.id} ${why} (pc ${hex(this.#utcb.big(S.pc))}, ${privileged ? 'S' : 'U'} mode, satp ${hex(satp)})` });
  }

  /** The VM has ended: this thread only waits for its own end. */
  *#rest(): Sys<never> {
    yield* this.#vm.work.deliver(this.#sys, this);
    for (;;) yield* this.#sys.down(this.#wake, Ops.semaphore.down);
  }
}

const CAUSES = [Cause.startup, Cause.recall, Cause.syscall, Cause.pageFault, Cause.illegal, Cause.breakpoint, Cause.misaligned, Cause.accessFault] as const;

export const deprivileged: Technique = {
  name: 'trap', taskKind: 0, threadFlags: ThreadFlag.alien, mapsAll: false, emulates: ['sstc'], needsAlarm: true, exits: CAUSES.map((cause) => ({ cause, mtd: Mtd.exit | GROUPS })),
  create: (id, vm, guest, wake, space) => new DeprivilegedCpu(id, vm, guest, wake, space),
};
