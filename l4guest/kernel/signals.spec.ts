import { describe, expect, it } from 'vitest';
import { Unix } from '../testing/unix.ts';
import { E } from '../abi/errno.ts';
import { Sig } from '../abi/linux.ts';
import { pickThread } from './calls.ts';
import { Run } from './thread.ts';
import { Reg } from './registers.ts';

/** struct sigaction. */
function action(handler: number, flags = 0, mask = 0n): Uint8Array {
  const bytes = new Uint8Array(24), view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(handler), true); view.setBigUint64(8, BigInt(flags >>> 0), true); view.setBigUint64(16, mask, true);
  return bytes;
}
const SA_RESTART = 0x10000000, HANDLER = 0x1234;

describe('signals', () => {
  it('a handler gets a frame on the stack, and sigreturn brings everything back', () => {
    const unix = new Unix(), thread = unix.main, sp = unix.space(4096) + 4000;
    unix.call('rt_sigaction', Sig.USR1, action(HANDLER), 0, 8);
    thread.regs.setX(Reg.sp, sp); thread.regs.pc = 0x5000; thread.regs.setX(Reg.a0, 77); thread.regs.big[40] = 0x4000000000000000n;
    unix.call('kill', thread.proc.pid, Sig.USR1);
    thread.call = -1;
    unix.k.signals.deliver(thread);
    expect([thread.regs.pc, thread.regs.x(Reg.a0), thread.regs.x(Reg.sp) % 16]).toEqual([HANDLER, Sig.USR1, 0]);
    expect(thread.mask).toBe(1n << BigInt(Sig.USR1 - 1));
    thread.regs.big[40] = 0n;
    unix.call('rt_sigreturn');
    expect([thread.regs.pc, thread.regs.x(Reg.a0), thread.regs.x(Reg.sp), thread.regs.big[40], thread.mask]).toEqual([0x5000, 77, sp,
      0x4000000000000000n, 0n]);
  });
  it('a blocked signal waits; an ignored one is gone', () => {
    const u = new Unix(), t = u.main, set = new Uint8Array(8);
    set[1] = 2; // SIGUSR1
    u.call('rt_sigprocmask', 0, set, 0, 8);
    u.call('kill', t.proc.pid, Sig.USR1);
    expect([t.work, t.proc.pending.bits]).toEqual([false, 1n << 9n]);
    u.call('rt_sigaction', Sig.USR1, action(1), 0, 8);
    expect(t.proc.pending.bits).toBe(0n);
  });
  for (const [flags, want] of [[0, -E.INTR], [SA_RESTART, 5]] as const) {
    it(`a call that sleeps ${flags ? 'starts again with SA_RESTART' : 'ends with EINTR'}`, () => {
      const u = new Unix(), t = u.main, [r] = u.pipe(), at = u.space(4096);
      u.call('rt_sigaction', Sig.ALRM, action(HANDLER, flags), 0, 8);
      t.regs.setX(Reg.sp, at + 4000); t.regs.pc = 0x5004; t.arg0 = 5n;
      expect(u.call('read', r, at, 1)).toBeUndefined();
      u.k.signals.toProcess(t.proc, Sig.ALRM, 0);
      u.settle();
      u.k.signals.deliver(t);
      u.call('rt_sigreturn');
      expect(t.regs.x(Reg.a0)).toBe(want);
      expect(t.regs.pc).toBe(flags ? 0x5000 : 0x5004);
    });
  }
  it('the default ends the process; the parent learns how', () => {
    const u = new Unix(), child = u.fork(), status = u.space(8);
    expect(u.call('wait4', -1, status, 1, 0)).toBe(0);
    u.call('kill', child.proc.pid, Sig.TERM);
    u.k.signals.deliver(child);
    expect(child.state).toBe(Run.dead);
    expect([u.call('wait4', -1, status, 0, 0), u.u32(status)]).toEqual([child.proc.pid, Sig.TERM]);
    expect(u.call('wait4', -1, status, 0, 0)).toBe(-E.CHILD);
  });
  it('stop and continue are reported, and a stopped process can be killed', () => {
    const u = new Unix(), child = u.fork(), status = u.space(8);
    u.call('kill', child.tid, Sig.STOP);
    u.k.signals.deliver(child);
    expect(child.state).toBe(Run.stopped);
    expect([u.call('wait4', -1, status, 2, 0), u.u32(status)]).toEqual([child.tid, 0x137f]);
    u.call('kill', child.tid, Sig.CONT);
    expect([u.call('wait4', -1, status, 8, 0), u.u32(status), child.state]).toEqual([child.tid, 0xffff, Run.ready]);
    u.call('kill', child.tid, Sig.STOP);
    u.settle();
    u.k.signals.deliver(child);
    u.call('kill', child.tid, Sig.KILL);
    u.settle();
    u.k.signals.deliver(child);
    expect(child.proc.status).toBe(Sig.KILL);
  });
  it('keys of the terminal reach the foreground group; the background is stopped when it reads', () => {
    const u = new Unix({ tty: true }), child = u.fork(), at = u.space(64);
    expect(u.callOf(child, 'read', 0, at, 64)).toBeUndefined();
    u.input.arrive(new TextEncoder().encode('line\n'));
    u.settle();
    expect(u.text(at, u.results.get(child)!, child)).toBe('line\n');
    u.callOf(child, 'setpgid', 0, 0);
    u.callOf(child, 'read', 0, at, 64);
    u.k.signals.deliver(child);
    expect(child.proc.stopped).toBe(true);
    u.call('rt_sigaction', Sig.INT, action(HANDLER), 0, 8);
    u.input.arrive(new Uint8Array([3]));
    expect([u.main.proc.pending.bits, child.proc.pending.bits]).toEqual([2n, 0n]);
  });
});

describe('time', () => {
  const spec = (s: number, n = 0): Uint8Array => {
    const bytes = new Uint8Array(16), view = new DataView(bytes.buffer);
    view.setBigInt64(0, BigInt(s), true);
    view.setBigInt64(8, BigInt(n), true);
    return bytes;
  };
  it('nanosleep takes its time', () => {
    const unix = new Unix();
    expect(unix.call('nanosleep', spec(1), 0)).toBeUndefined();
    expect(unix.pass(0.9e9)).toEqual([]);
    expect(unix.pass(0.2e9)).toEqual([unix.main]);
    expect(unix.call('nanosleep', spec(0, 2e9), 0)).toBe(-E.INVAL);
  });
  it('the end of a time slice rings once, and then waits for the thread', () => {
    const u = new Unix(), other = u.fork();
    u.k.cpu.current = u.main;
    u.main.state = Run.current;
    u.k.cpu.yield(u.main);
    u.k.cpu.yield(other);
    const thread = pickThread(u.k)!;
    u.k.cpu.inUser = true;
    u.k.cpu.rearm();
    expect(u.alarm).toBe(u.k.cpu.sliceEnd);
    u.passQuietly(u.k.cpu.sliceEnd);
    expect([u.k.cpu.current, u.k.cpu.resched, u.alarm]).toEqual([thread, true, Infinity]);
  });
  it('interval timers come again and again', () => {
    const u = new Unix(), timer = new Uint8Array(32);
    timer[8] = 100; timer[24] = 100; // 100 µs each
    u.call('rt_sigaction', Sig.ALRM, action(HANDLER), 0, 8);
    u.call('setitimer', 0, timer, 0);
    u.pass(110_000);
    expect(u.main.proc.pending.bits).toBe(1n << 13n);
    u.main.proc.pending.take(0n);
    u.pass(110_000);
    expect(u.main.proc.pending.bits).toBe(1n << 13n);
  });
  it('poll and epoll wait for what comes first', () => {
    const u = new Unix(), [r, w] = u.pipe(), fds = new Uint8Array([r, 0, 0, 0, 1, 0, 0, 0]), at = u.put(fds);
    expect(u.call('ppoll', at, 1, spec(0), 0, 8)).toBe(0);
    expect(u.call('ppoll', at, 1, spec(0, 1e6), 0, 8)).toBeUndefined();
    u.pass(2e6);
    expect(u.results.get(u.main)).toBe(0);
    const ep = u.call('epoll_create1', 0)!, out = u.space(64);
    expect(u.call('epoll_ctl', ep, 1, r, new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]))).toBe(0);
    expect(u.call('epoll_pwait', ep, out, 4, 0, 0, 8)).toBe(0);
    u.write(w, 'x');
    expect([u.call('epoll_pwait', ep, out, 4, -1, 0, 8), u.u32(out), u.u32(out + 8)]).toEqual([1, 1, 9]);
  });
});
