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
  it('a handler gets a frame on the stack, and sigreturn restores everything', () => {
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
    expect([thread.regs.pc, thread.regs.x(Reg.a0), thread.regs.x(Reg.sp), thread.regs.big[40], thread.mask])
      .toEqual([0x5000, 77, sp, 0x4000000000000000n, 0n]);
  });
  it('a blocked signal waits; an ignored one is dropped', () => {
    const unix = new Unix(), thread = unix.main, set = new Uint8Array(8);
    set[1] = 2; // SIGUSR1
    unix.call('rt_sigprocmask', 0, set, 0, 8);
    unix.call('kill', thread.proc.pid, Sig.USR1);
    expect([thread.work, thread.proc.pending.bits]).toEqual([false, 1n << 9n]);
    unix.call('rt_sigaction', Sig.USR1, action(1), 0, 8);
    expect(thread.proc.pending.bits).toBe(0n);
  });
  for (const [flags, want] of [[0, -E.INTR], [SA_RESTART, 5]] as const) {
    it(`a call that sleeps ${flags ? 'starts again with SA_RESTART' : 'ends with EINTR'}`, () => {
      const unix = new Unix(), thread = unix.main, [readEnd] = unix.pipe(), at = unix.space(4096);
      unix.call('rt_sigaction', Sig.ALRM, action(HANDLER, flags), 0, 8);
      thread.regs.setX(Reg.sp, at + 4000); thread.regs.pc = 0x5004; thread.arg0 = 5n;
      expect(unix.call('read', readEnd, at, 1)).toBeUndefined();
      unix.k.signals.toProcess(thread.proc, Sig.ALRM, 0);
      unix.settle();
      unix.k.signals.deliver(thread);
      unix.call('rt_sigreturn');
      expect(thread.regs.x(Reg.a0)).toBe(want);
      expect(thread.regs.pc).toBe(flags ? 0x5000 : 0x5004);
    });
  }
  it('the default action ends the process; the parent learns how', () => {
    const unix = new Unix(), child = unix.fork(), status = unix.space(8);
    expect(unix.call('wait4', -1, status, 1, 0)).toBe(0);
    unix.call('kill', child.proc.pid, Sig.TERM);
    unix.k.signals.deliver(child);
    expect(child.state).toBe(Run.dead);
    expect([unix.call('wait4', -1, status, 0, 0), unix.u32(status)]).toEqual([child.proc.pid, Sig.TERM]);
    expect(unix.call('wait4', -1, status, 0, 0)).toBe(-E.CHILD);
  });
  it('stop and continue are reported, and a stopped process can be killed', () => {
    const unix = new Unix(), child = unix.fork(), status = unix.space(8);
    unix.call('kill', child.tid, Sig.STOP);
    unix.k.signals.deliver(child);
    expect(child.state).toBe(Run.stopped);
    expect([unix.call('wait4', -1, status, 2, 0), unix.u32(status)]).toEqual([child.tid, 0x137f]);
    unix.call('kill', child.tid, Sig.CONT);
    expect([unix.call('wait4', -1, status, 8, 0), unix.u32(status), child.state]).toEqual([child.tid, 0xffff, Run.ready]);
    unix.call('kill', child.tid, Sig.STOP);
    unix.settle();
    unix.k.signals.deliver(child);
    unix.call('kill', child.tid, Sig.KILL);
    unix.settle();
    unix.k.signals.deliver(child);
    expect(child.proc.status).toBe(Sig.KILL);
  });
  it('keys of the terminal reach the foreground group; a background process that reads is stopped', () => {
    const unix = new Unix({ tty: true }), child = unix.fork(), at = unix.space(64);
    expect(unix.callOf(child, 'read', 0, at, 64)).toBeUndefined();
    unix.input.arrive(new TextEncoder().encode('line\n'));
    unix.settle();
    expect(unix.text(at, unix.results.get(child)!, child)).toBe('line\n');
    unix.callOf(child, 'setpgid', 0, 0);
    unix.callOf(child, 'read', 0, at, 64);
    unix.k.signals.deliver(child);
    expect(child.proc.stopped).toBe(true);
    unix.call('rt_sigaction', Sig.INT, action(HANDLER), 0, 8);
    unix.input.arrive(new Uint8Array([3]));
    expect([unix.main.proc.pending.bits, child.proc.pending.bits]).toEqual([2n, 0n]);
  });
});

describe('time', () => {
  const spec = (seconds: number, n = 0): Uint8Array => {
    const bytes = new Uint8Array(16), view = new DataView(bytes.buffer);
    view.setBigInt64(0, BigInt(seconds), true);
    view.setBigInt64(8, BigInt(n), true);
    return bytes;
  };
  it('nanosleep lasts as long as requested', () => {
    const unix = new Unix();
    expect(unix.call('nanosleep', spec(1), 0)).toBeUndefined();
    expect(unix.pass(0.9e9)).toEqual([]);
    expect(unix.pass(0.2e9)).toEqual([unix.main]);
    expect(unix.call('nanosleep', spec(0, 2e9), 0)).toBe(-E.INVAL);
  });
  it('the end of a time slice rings once, and then waits for the thread', () => {
    const unix = new Unix(), other = unix.fork();
    unix.k.cpu.current = unix.main;
    unix.main.state = Run.current;
    unix.k.cpu.yield(unix.main);
    unix.k.cpu.yield(other);
    const thread = pickThread(unix.k)!;
    unix.k.cpu.inUser = true;
    unix.k.cpu.rearm();
    expect(unix.alarm).toBe(unix.k.cpu.sliceEnd);
    unix.passQuietly(unix.k.cpu.sliceEnd);
    expect([unix.k.cpu.current, unix.k.cpu.resched, unix.alarm]).toEqual([thread, true, Infinity]);
  });
  it('interval timers fire again and again', () => {
    const unix = new Unix(), timer = new Uint8Array(32);
    timer[8] = 100; timer[24] = 100; // 100 µs each
    unix.call('rt_sigaction', Sig.ALRM, action(HANDLER), 0, 8);
    unix.call('setitimer', 0, timer, 0);
    unix.pass(110_000);
    expect(unix.main.proc.pending.bits).toBe(1n << 13n);
    unix.main.proc.pending.take(0n);
    unix.pass(110_000);
    expect(unix.main.proc.pending.bits).toBe(1n << 13n);
  });
  it('poll and epoll return at the first of event and timeout', () => {
    const unix = new Unix(), [readEnd, writeEnd] = unix.pipe(), fds = new Uint8Array([readEnd, 0, 0, 0, 1, 0, 0, 0]), at = unix.put(fds);
    expect(unix.call('ppoll', at, 1, spec(0), 0, 8)).toBe(0);
    expect(unix.call('ppoll', at, 1, spec(0, 1e6), 0, 8)).toBeUndefined();
    unix.pass(2e6);
    expect(unix.results.get(unix.main)).toBe(0);
    const ep = unix.call('epoll_create1', 0)!, out = unix.space(64);
    expect(unix.call('epoll_ctl', ep, 1, readEnd, new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]))).toBe(0);
    expect(unix.call('epoll_pwait', ep, out, 4, 0, 0, 8)).toBe(0);
    unix.write(writeEnd, 'x');
    expect([unix.call('epoll_pwait', ep, out, 4, -1, 0, 8), unix.u32(out), unix.u32(out + 8)]).toEqual([1, 1, 9]);
  });
});
