import { describe, expect, it } from 'vitest';
import { Unix } from '../testing/unix.ts';
import { dispatch } from '../syscalls/table.ts';
import { tracedCall } from '../syscalls/traced.ts';
import { E } from '../abi/errno.ts';
import { Sig } from '../abi/linux.ts';
import { continueCall } from './calls.ts';
import { Reg } from './registers.ts';
import { Run, type Thread } from './thread.ts';

const P = {
  PEEK: 2, POKE: 4, CONT: 7, ATTACH: 16, DETACH: 17, SYSCALL: 24, OPTIONS: 0x4200, MESSAGE: 0x4201, GETREGSET: 0x4204, SETREGSET: 0x4205,
  SEIZE: 0x4206, INTERRUPT: 0x4207, LISTEN: 0x4208, INFO: 0x420e
} as const;
const WALL = 0x4000_0000, NOHANG = 1;
const iov = (base: number, n: number): Uint8Array => new Uint8Array(new BigInt64Array([BigInt(base), BigInt(n)]).buffer);

/** A tracer (the main thread), a traced child, and the steps of the server's loop. */
function traced(seize = false): {
  unix: Unix; child: Thread; call: (nr: number, ...args: number[]) => void; go: () => void; wait: () => number;
  request: (r: number, addr?: number | Uint8Array, data?: number | Uint8Array) => number
} {
  const unix = new Unix(), child = unix.fork(), status = unix.space(8);
  const as = <T>(t: Thread, f: () => T): T => { unix.k.cpu.current = t; t.state = Run.current; return f(); };
  const request = (r: number, addr: number | Uint8Array = 0, data: number | Uint8Array = 0): number =>
    unix.call('ptrace', r, child.tid, addr, data)!;
  const go = (): void => {
    if (child.state === Run.ready) unix.k.cpu.ready.remove(child);
    if (child.state === Run.stopped || child.state === Run.dead) return;
    if (child.co) { as(child, () => { continueCall(unix.k, child, child.co!); }); if (child.co) return; }
    as(child, () => { if (child.work) unix.k.signals.deliver(child); });
  };
  const call = (nr: number, ...args: number[]): void => {
    as(child, () => {
      [0, 1, 2, 3, 4, 5].forEach((i) => { child.regs.setX(Reg.a0 + i, args[i] ?? 0); });
      child.regs.setX(Reg.a7, nr);
      continueCall(unix.k, child, tracedCall(child, nr));
    });
  };
  if (seize) expect(request(P.SEIZE)).toBe(0);
  else unix.callOf(child, 'ptrace', 0, 0, 0, 0);
  return {
    unix, child, call, go, request, wait: () => {
      const reported = unix.call('wait4', -1, status, WALL | NOHANG, 0)!;
      return reported > 0 ? unix.u32(status) : reported;
    }
  };
}

describe('ptrace', () => {
  it('a traced thread stops at a signal, and gets it, another, or none', () => {
    for (const [pass, want] of [[0, 0], [Sig.TERM, Sig.TERM], [Sig.KILL, Sig.KILL]] as const) {
      const { unix, child, go, wait, request } = traced();
      unix.call('kill', child.proc.pid, Sig.TERM);
      go();
      expect([child.state, wait(), wait()]).toEqual([Run.stopped, (Sig.TERM << 8) | 0x7f, 0]);
      expect(request(P.CONT, 0, pass)).toBe(0);
      go();
      expect([child.proc.status, wait()]).toEqual(want ? [want, want] : [undefined, 0]);
    }
  });
  it('system calls stop before and after; the tracer can change number, arguments and result', () => {
    const { unix, child, call, go, wait, request } = traced(), info = unix.space(96), regs = unix.space(256);
    expect([request(P.CONT), unix.call('kill', child.proc.pid, Sig.USR1)]).toEqual([-E.SRCH, 0]);
    go(); wait();
    expect([request(P.OPTIONS, 0, 1), request(P.SYSCALL, 0, 0)]).toEqual([0, 0]);
    go();
    call(172);
    expect([wait(), request(P.INFO, 88, info), unix.u32(info + 24)]).toEqual([((Sig.TRAP | 0x80) << 8) | 0x7f, 80, 172]);
    const set = unix.put(iov(regs, 256));
    request(P.GETREGSET, 1, set);
    expect(unix.u32(regs + 17 * 8)).toBe(172);
    unix.call('getcwd', unix.space(8), 8);
    const bytes = unix.bytes(regs, 256);
    bytes[17 * 8] = 178; // gettid
    const changed = unix.put(bytes);
    request(P.SETREGSET, 1, unix.put(iov(changed, 256)));
    request(P.SYSCALL);
    go();
    expect([wait(), request(P.INFO, 88, info), unix.u32(info + 24), child.regs.x(Reg.a0)]).toEqual([
      ((Sig.TRAP | 0x80) << 8) | 0x7f, 33, child.tid, child.tid
    ]);
    child.regs.setX(Reg.a0, 4711);
    request(P.CONT);
    go();
    expect([child.regs.x(Reg.a0), child.state, child.co]).toEqual([4711, Run.current, undefined]);
  });
  it('a sleeping call remains one call, and restarts after a signal that the tracer suppresses', () => {
    const { unix, child, call, go, wait, request } = traced(true), [readEnd] = unix.pipe(), at = unix.space(8);
    child.proc.fds.put(readEnd, unix.main.proc.fds.get(readEnd)!.hold(), false);
    expect(request(P.INTERRUPT)).toBe(0);
    go();
    expect(wait()).toBe((128 << 16) | (Sig.TRAP << 8) | 0x7f);
    request(P.SYSCALL); go();
    child.regs.pc = 0x1004;
    call(63, readEnd, at, 1);
    wait(); request(P.SYSCALL); go();
    expect(child.state).toBe(Run.blocked);
    unix.call('kill', child.proc.pid, Sig.USR1);
    go();
    expect([wait(), child.regs.x(Reg.a0)]).toEqual([(Sig.TRAP << 8) | 0x7f, -E.RESTARTSYS]);
    request(P.SYSCALL); go();
    expect(wait()).toBe((Sig.USR1 << 8) | 0x7f);
    request(P.SYSCALL); go();
    expect([child.regs.x(Reg.a0), child.regs.pc]).toEqual([readEnd, 0x1000]);
  });
  it('reads and writes memory, also where the traced thread itself may not write', () => {
    const { unix, child, go, wait, request } = traced(), text = unix.callOf(child, 'mmap', 0, 4096, 5, 0x22, -1, 0)!,
      word = unix.space(8);
    unix.call('kill', child.proc.pid, Sig.USR1);
    go(); wait();
    unix.main.regs.big[13] = 0x1234n;
    expect([request(P.POKE, text, 0x1234), request(P.PEEK, text, word), unix.u32(word)]).toEqual([0, 0, 0x1234]);
    expect([request(P.PEEK, 0x10, word), unix.callOf(child, 'getcwd', text, 100)]).toEqual([-E.IO, -E.FAULT]);
    expect(unix.bytes(text, 2, child)[0]).toBe(0x34);
  });
  it('new processes cause events, and are traced too if the options say so; their ends are reported', () => {
    const { unix, child, go, wait, request } = traced(true), message = unix.space(8);
    request(P.INTERRUPT); go(); wait();
    request(P.OPTIONS, 0, 2 | 4 | 8); request(P.CONT); go();
    const kid = unix.fork(child);
    child.work = true; go();
    const kinds = [wait(), wait()].map((s) => s >>> 16);
    expect(kinds.includes(1) || kinds.includes(128)).toBe(true);
    expect([request(P.MESSAGE, 0, message), unix.u32(message), kid.traced?.tracer]).toEqual([0, kid.tid, unix.main.proc]);
    unix.k.endProcess(kid.proc, 7 << 8);
    expect([wait(), wait()]).toEqual([7 << 8, 0]);
  });
  it('the end of a tracer releases its threads; strangers may not trace', () => {
    const { unix, child, go } = traced(), other = unix.fork(), third = unix.fork();
    unix.call('kill', child.proc.pid, Sig.USR2);
    go();
    unix.callOf(third, 'setresuid', 1000, 1000, 1000);
    expect([
      unix.callOf(third, 'ptrace', P.ATTACH, other.tid, 0, 0), unix.callOf(other, 'ptrace', P.ATTACH, child.tid, 0, 0),
      unix.callOf(other, 'ptrace', P.ATTACH, other.tid, 0, 0)
    ]).toEqual([-E.PERM, -E.PERM, -E.PERM]);
    unix.k.endProcess(unix.main.proc, 0);
    expect([child.traced, child.state]).toEqual([undefined, Run.ready]);
  });
  it('process_vm_readv copies between processes', () => {
    const unix = new Unix(), child = unix.fork(), at = unix.put(new Uint8Array([1, 2, 3, 4]), child), to = unix.space(8);
    expect(unix.call('process_vm_readv', child.proc.pid, iov(to, 4), 1, iov(at, 4), 1, 0)).toBe(4);
    expect([...unix.bytes(to, 4)]).toEqual([1, 2, 3, 4]);
    expect(unix.call('process_vm_readv', 99999, iov(to, 4), 1, iov(at, 4), 1, 0)).toBe(-E.SRCH);
    // With an empty vector the call copies nothing and succeeds, whatever process it names.
    expect(dispatch(unix.main, 270, 99999, 0, 0, 0, 0, 0)).toBe(0);
  });
});

describe('who may trace whom, as Debian\'s Linux 6.12 says', () => {
  interface Who { readonly ids: readonly number[]; readonly dumpable?: number; readonly keeps?: boolean }
  const user: readonly number[] = [1000, 1000, 1000, 1000, 1000, 1000];
  /** Real, effective and saved user, then the same of the group; whether it has said that it may be dumped. */
  const targets: Readonly<Record<string, Who>> = {
    'same user': { ids: user, dumpable: 1 }, 'not dumpable': { ids: user, dumpable: 0 }, 'after setuid': { ids: user },
    'other user': { ids: [1001, 1001, 1001, 1000, 1000, 1000], dumpable: 1 },
    'other effective': { ids: [1000, 1001, 1000, 1000, 1000, 1000], dumpable: 1 },
    'other saved': { ids: [1000, 1000, 1001, 1000, 1000, 1000], dumpable: 1 },
    'other real': { ids: [1001, 1000, 1000, 1000, 1000, 1000], dumpable: 1 },
    'other group': { ids: [1000, 1000, 1000, 1001, 1001, 1001], dumpable: 1 },
    'other saved group': { ids: [1000, 1000, 1000, 1000, 1000, 1001], dumpable: 1 },
    root: { ids: [0, 0, 0, 0, 0, 0], dumpable: 1 }, 'kept rights': { ids: user, dumpable: 1, keeps: true },
  };
  const become = (unix: Unix, thread: Thread, { ids, dumpable, keeps }: Who): void => {
    if (keeps) unix.callOf(thread, 'prctl', 8, 1);
    unix.callOf(thread, 'setresgid', ids[3]!, ids[4]!, ids[5]!);
    unix.callOf(thread, 'setresuid', ids[0]!, ids[1]!, ids[2]!);
    if (dumpable !== undefined) unix.callOf(thread, 'prctl', 4, dumpable);
  };
  /** Names of the targets that a tracer may attach to; whose environment, and whose folder of descriptors, it may read. */
  function verdicts(tracer: Who): { traces: string[]; reads: string[]; lists: string[]; follows: string[] } {
    const out = { traces: [] as string[], reads: [] as string[], lists: [] as string[], follows: [] as string[] };
    for (const [name, who] of Object.entries(targets)) {
      const unix = new Unix(), target = unix.fork(), own = unix.fork(), at = unix.space(64);
      become(unix, target, who);
      become(unix, own, tracer);
      const opens = (file: string): boolean => unix.callOf(own, 'openat', -100, `/proc/${target.tid}/${file}`, 0, 0)! >= 0;
      if (opens('environ')) out.reads.push(name);
      if (opens('fd')) out.lists.push(name);
      if (unix.callOf(own, 'readlinkat', -100, `/proc/${target.tid}/cwd`, at, 64)! > 0) out.follows.push(name);
      if (unix.callOf(own, 'ptrace', P.ATTACH, target.tid, 0, 0) === 0) out.traces.push(name);
    }
    return out;
  }
  const effective = ['same user', 'other saved', 'other real', 'other group', 'other saved group', 'kept rights'];
  it('a user: only processes that are its own in every respect', () => {
    expect(verdicts({ ids: user, dumpable: 1 })).toEqual(
      { traces: ['same user'], reads: ['same user'], lists: effective, follows: ['same user'] });
  });
  it('the real user decides who may trace, the file system\'s who may read', () => {
    expect(verdicts({ ids: [1001, 1000, 1000, 1000, 1000, 1000], dumpable: 1 })).toEqual(
      { traces: ['other user'], reads: ['same user'], lists: effective, follows: ['same user'] });
  });
  it('root: everybody', () => {
    const all = Object.keys(targets);
    expect(verdicts({ ids: [0, 0, 0, 0, 0, 0] })).toEqual({ traces: all, reads: all, lists: all, follows: all });
  });
  it('a process that changed its user has no death signal any more, and cannot be dumped', () => {
    const unix = new Unix(), child = unix.fork(), at = unix.space(8);
    unix.callOf(child, 'prctl', 1, Sig.TERM);
    unix.callOf(child, 'setresuid', 1000, 1000, 1000);
    unix.callOf(child, 'prctl', 2, at);
    expect([unix.u32(at), unix.callOf(child, 'prctl', 3)]).toEqual([0, 0]);
  });
});
