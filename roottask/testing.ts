/**
 * A fake kernel, for unit specs of servers: TypeScript threads only, first come first served, one flat memory, page tables
 * that are maps. It has just enough of the ABI to boot a scenario in milliseconds; tests with it prove nothing about the real kernel.
 */
import {
  BOOTINFO_VA, Initial, IpcFlag, MemoryFault, Ops, Status, U, Utcb, ITEM_BYTES, flexBase, flexOrder, flexRights, flexSelector, flexSize,
  isCapPage, type BootInfo, type IpcRequest, type Memory, type Sys
} from '../microkernel/abi/index.ts';
import { Syscalls, type ThreadBody } from '../binding/index.ts';

const PAGE = 4096;
interface Obj { readonly kind: string; readonly n: number; dead: boolean }
interface Task extends Obj { caps: Map<number, Obj>; pages: Map<number, { pa: number; rights: number }> }
interface Portal extends Obj { readonly thread: Thread; readonly label: number }
interface Semaphore extends Obj { count: number; readonly waiters: Thread[] }
interface Thread extends Obj {
  task: Task;
  sys: Syscalls;
  run: Sys<void> | undefined;
  body: ThreadBody;
  state: string;
  request?: IpcRequest;
  partner?: Thread;
  callers: { from: Thread; portal: Portal }[];
  wakeAt: number;
  window: number;
  capWindow: number
}

export class FakeKernel {
  readonly ram: Uint8Array;
  readonly base = 0x8000_0000;
  time = 0;
  /** Device windows: page number → access. */
  readonly devices = new Map<number, { read(at: number, size: number): number; write(at: number, v: number, size: number): void }>();
  readonly uartText: string[] = [];
  finished: number | undefined;
  private n = 0;
  private readonly ready: { t: Thread; status: number }[] = [];
  private readonly sleeping = new Set<Thread>();
  private utcbs = 0;
  readonly root: Task;

  constructor(size: number, body: ThreadBody, extra: Partial<BootInfo> = {}) {
    this.ram = new Uint8Array(size);
    const reserved = 1 << 20;
    const info: BootInfo = {
      memory: [{ base: this.base + reserved, size: size - reserved }], modules: [], harts: 1, seed: 0, options: '',
      devices: [
        { name: 'uart', compatible: 'ns16550a', base: 0x1000_0000, size: 4096, irq: 0 },
        { name: 'finisher', compatible: 'sifive,test1', base: 0x10_0000, size: 4096, irq: 0 }
      ],
      ...extra,
    };
    this.root = this.task();
    const json = new TextEncoder().encode(JSON.stringify(info)), at = size - 65536;
    this.ram.set(json, at + 4);
    new DataView(this.ram.buffer).setUint32(at, json.length, true);
    for (let page = 0; page < 15; page++) this.root.pages.set((BOOTINFO_VA >> 12) + page, { pa: this.base + at + page * PAGE, rights: 1 });
    for (const { base, size } of info.memory)
      for (let address = base; address < base + size; address += PAGE) this.root.pages.set(address / PAGE, { pa: address, rights: 7 });
    for (const device of info.devices) this.root.pages.set(device.base / PAGE, { pa: device.base, rights: 3 });
    this.devices.set(0x1000_0, { read: () => 0x20, write: (at2, v) => void (at2 === 0 && this.uartText.push(String.fromCharCode(v))) });
    this.devices.set(0x100, { read: () => 0, write: (_a, v) => { this.finished = v; } });
    const factory = this.object('factory');
    this.root.caps.set(Initial.factory, factory).set(Initial.task, this.root);
    const main = this.thread(this.root, body);
    this.root.caps.set(Initial.thread, main);
    this.start(main);
  }
  /** Runs until no thread can run or the finisher was written. */
  run(steps = 1e6): void {
    for (let i = 0; i < steps && this.finished === undefined; i++) {
      const next = this.ready.shift();
      if (next) { this.step(next.t, next.status); continue; }
      const first = [...this.sleeping].sort((a, b) => a.wakeAt - b.wakeAt)[0];
      if (!first || first.wakeAt === Infinity) return;
      this.time = Math.max(this.time, first.wakeAt);
      this.cancelWait(first);
      this.wake(first, Status.timeout);
    }
  }
  get text(): string { return this.uartText.join(''); }

  private object<K extends string>(kind: K): Obj { return { kind, n: ++this.n, dead: false }; }
  private task(): Task { return { ...this.object('task'), caps: new Map(), pages: new Map() }; }
  private thread(task: Task, body: ThreadBody): Thread {
    const utcb = new Utcb(this.ram.buffer as ArrayBuffer, this.utcbs++ * PAGE),
      made = {
        ...this.object('thread'), task, body, state: 'new', callers: [], wakeAt: Infinity, window: 0, capWindow: 0
      } as unknown as Thread;
    made.sys = new Syscalls({ utcb, memory: this.memoryOf(task), now: () => this.time, charge: c => { this.time += c; } });
    return made;
  }
  private start(t: Thread): void { t.run = t.body(t.sys); this.wake(t, 0); }
  private wake(thread: Thread, status: number): void {
    thread.state = 'ready';
    thread.wakeAt = Infinity;
    this.sleeping.delete(thread);
    this.ready.push({ t: thread, status });
  }
  private sleep(t: Thread, state: string, timeout: number): void { t.state = state; t.wakeAt = this.time + timeout; this.sleeping.add(t); }
  private cancelWait(thread: Thread): void {
    for (const other of this.allThreads) other.callers = other.callers.filter(c => c.from !== thread);
    for (const semaphore of this.semaphores) { const i = semaphore.waiters.indexOf(thread); if (i >= 0) semaphore.waiters.splice(i, 1); }
  }
  private readonly allThreads: Thread[] = [];
  private readonly semaphores: Semaphore[] = [];

  private step(thread: Thread, status: number): void {
    if (thread.dead || !thread.run) return;
    if (!this.allThreads.includes(thread)) this.allThreads.push(thread);
    this.time += 100;
    const result = thread.run.next(status);
    if (result.done) { this.kill(thread); return; }
    thread.request = result.value;
    this.ipc(thread, result.value);
  }
  private ipc(thread: Thread, ipcRequest: IpcRequest): void {
    if (ipcRequest.flags & IpcFlag.reply && thread.partner) {
      this.transfer(thread, thread.partner, 0);
      this.wake(thread.partner, 0);
      thread.partner = undefined;
    }
    if (ipcRequest.flags & IpcFlag.send) return this.send(thread, ipcRequest);
    if (ipcRequest.flags & IpcFlag.receive) return this.receive(thread, ipcRequest);
    this.wake(thread, 0);
  }
  private send(thread: Thread, ipcRequest: IpcRequest): void {
    const obj = thread.task.caps.get(ipcRequest.cap);
    if (!obj) return this.wake(thread, Status.badCap);
    if (obj.dead) return this.wake(thread, Status.dead);
    if (obj.kind !== 'portal') return this.invoke(thread, obj, ipcRequest);
    const portal = obj as Portal;
    if (portal.thread.dead) return this.wake(thread, Status.dead);
    this.sleep(thread, 'calling', ipcRequest.sendTimeout);
    portal.thread.callers.push({ from: thread, portal });
    if (portal.thread.state === 'receiving') this.deliver(portal.thread);
  }
  private receive(thread: Thread, ipcRequest: IpcRequest): void {
    if (thread.partner) { this.wake(thread.partner, Status.dead); thread.partner = undefined; }
    this.sleep(thread, 'receiving', ipcRequest.receiveTimeout);
    if (thread.callers.length) this.deliver(thread);
  }
  private deliver(thread: Thread): void {
    const { from, portal } = thread.callers.shift()!;
    this.transfer(from, thread, portal.label);
    thread.partner = from;
    from.state = 'waiting';
    from.wakeAt = Infinity;
    this.wake(thread, 0);
  }
  private transfer(from: Thread, to: Thread, badge: number): void {
    const sender = from.sys.utcb, receiver = to.sys.utcb, window = receiver.num(U.window), capWindow = receiver.num(U.capWindow);
    for (let i = 0; i < sender.itemCount; i++) {
      const at = U.items + i * ITEM_BYTES, page = sender.num(at), dest = sender.num(at + 8), worker = isCapPage(page) ? capWindow : window;
      if (isCapPage(page)) this.mapCap(from.task, page, to.task, flexSelector(worker) + (dest % 2 ** flexOrder(worker)));
      else this.mapMemory(from.task, page, to.task, flexBase(worker) + (dest % flexSize(worker)));
    }
    receiver.u32.set(sender.u32.subarray(U.words / 4, U.words / 4 + 128), U.words / 4);
    receiver.setTag(sender.label, sender.wordCount, sender.itemCount);
    receiver.setNum(U.badge, badge);
  }
  private mapCap(from: Task, page: number, to: Task, dest: number): void {
    const obj = from.caps.get(flexSelector(page));
    if (obj) to.caps.set(dest, obj);
  }
  private mapMemory(from: Task, page: number, to: Task, dest: number): void {
    for (let at = 0; at < flexSize(page); at += PAGE) {
      const mapped = from.pages.get((flexBase(page) + at) / PAGE);
      if (mapped) to.pages.set((dest + at) / PAGE, { pa: mapped.pa, rights: mapped.rights & flexRights(page) });
    }
  }
  private kill(thread: Thread): void {
    thread.dead = true;
    thread.run = undefined;
    this.sleeping.delete(thread);
    for (const caller of thread.callers) this.wake(caller.from, Status.dead);
    if (thread.partner) this.wake(thread.partner, Status.dead);
  }
  private destroy(obj: Obj): void {
    obj.dead = true;
    if (obj.kind === 'thread') this.kill(obj as Thread);
    if (obj.kind === 'task') for (const thread of this.allThreads) if (thread.task === obj) this.kill(thread);
  }

  private invoke(thread: Thread, obj: Obj, ipcRequest: IpcRequest): void {
    const utcb = thread.sys.utcb, word = (i: number): number => utcb.word(i), caps = thread.task.caps, label = utcb.label,
      done = (): void => this.wake(thread, 0);
    switch (label) {
      case Ops.factory.createTask.label: caps.set(word(0), this.task()); return done();
      case Ops.factory.createFactory.label: caps.set(word(0), this.object('factory')); return done();
      case Ops.factory.createSchedContext.label: caps.set(word(0), this.object('schedContext')); return done();
      case Ops.factory.createThread.label: caps.set(word(0), this.thread(caps.get(word(1)) as Task, ipcRequest.body!)); return done();
      case Ops.factory.createPortal.label:
        caps.set(word(0), { ...this.object('portal'), thread: caps.get(word(1)) as Thread, label: word(2) } as Portal);
        return done();
      case Ops.factory.createSemaphore.label: {
        const semaphore = { ...this.object('semaphore'), count: word(1), waiters: [] } as Semaphore;
        this.semaphores.push(semaphore);
        caps.set(word(0), semaphore);
        return done();
      }
      case Ops.task.map.label: this.mapCap(thread.task, word(1), obj as Task, word(2)); return done();
      case Ops.task.unmap.label: this.unmap(obj as Task, word(0), word(1)); return done();
      case Ops.thread.start.label: this.start(obj as Thread); return done();
      case Ops.thread.kill.label: this.kill(obj as Thread); return done();
      case Ops.semaphore.up.label: {
        const semaphore = obj as Semaphore, waiter = semaphore.waiters.shift();
        if (waiter) this.wake(waiter, 0); else semaphore.count++;
        return done();
      }
      case Ops.semaphore.down.label: return this.down(thread, obj as Semaphore, word(0), ipcRequest.receiveTimeout);
      default: return this.wake(thread, label === Ops.task.name.label || label >= 0x300 && label < 0x600 ? 0 : Status.badOp);
    }
  }
  private down(thread: Thread, semaphore: Semaphore, clear: number, timeout: number): void {
    if (semaphore.count > 0) { semaphore.count = clear ? 0 : semaphore.count - 1; return this.wake(thread, 0); }
    semaphore.waiters.push(thread);
    this.sleep(thread, 'down', timeout);
  }
  private unmap(task: Task, page: number, self: number): void {
    if (isCapPage(page)) {
      const obj = task.caps.get(flexSelector(page));
      if (obj && self) { this.destroy(obj); task.caps.delete(flexSelector(page)); }
    } else if (self) for (let at = 0; at < flexSize(page); at += PAGE) task.pages.delete((flexBase(page) + at) / PAGE);
  }

  private memoryOf(task: Task): Memory {
    const at = (va: number, access: 'read' | 'write'): number => {
      const page = task.pages.get(Math.floor(va / PAGE));
      if (!page || (access === 'write' && !(page.rights & 2))) throw new MemoryFault(va, access);
      return page.pa + (va % PAGE);
    };
    const data = new DataView(this.ram.buffer), device = (pa: number) => this.devices.get(Math.floor(pa / PAGE)),
      off = (pa: number): number => pa - this.base;
    const get = (va: number, size: 1 | 2 | 4): number => {
      const pa = at(va, 'read'), chip = device(pa);
      if (chip) return chip.read(pa % PAGE, size);
      return size === 1 ? data.getUint8(off(pa)) : size === 2 ? data.getUint16(off(pa), true) : data.getUint32(off(pa), true);
    };
    const set = (va: number, value: number, size: 1 | 2 | 4): void => {
      const pa = at(va, 'write'), chip = device(pa);
      if (chip) return chip.write(pa % PAGE, value, size);
      if (size === 1) data.setUint8(off(pa), value);
      else if (size === 2) data.setUint16(off(pa), value, true); else data.setUint32(off(pa), value, true);
    };
    const read = (va: number, n: number): Uint8Array => Uint8Array.from({ length: n }, (_, i) => get(va + i, 1));
    const write = (va: number, bytes: Uint8Array): void => bytes.forEach((b, i) => set(va + i, b, 1));
    return {
      u8: va => get(va, 1), u16: va => get(va, 2), u32: va => get(va, 4), u64: va => BigInt(get(va, 4)) | (BigInt(get(va + 4, 4)) << 32n),
      setU8: (va, v) => set(va, v, 1), setU16: (va, v) => set(va, v, 2), setU32: (va, v) => set(va, v, 4),
      setU64: (va, v) => { set(va, Number(v & 0xffffffffn), 4); set(va + 4, Number(v >> 32n), 4); },
      read, write, copy: (to, from, n) => write(to, read(from, n)), fill: (va, n, b) => { for (let i = 0; i < n; i++) set(va + i, b, 1); },
      window: () => undefined, changedCode: () => {},
      mapped: (va, n, rights) => {
        for (let address = va; address < va + n; address += PAGE) {
          const page = task.pages.get(Math.floor(address / PAGE));
          if (!page || (page.rights & rights) !== rights) return false;
        }
        return true;
      },
    };
  }
}
