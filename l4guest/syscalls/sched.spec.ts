import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { Run } from '../kernel/thread.ts';
import { Unix } from '../testing/unix.ts';

const u32 = (n: number): Uint8Array => new Uint8Array(new Uint32Array([n, 0]).buffer);
describe('scheduling policies', () => {
  it('are kept if they fit their priority', () => {
    const unix = new Unix(), at = unix.space(8);
    expect([unix.call('sched_setscheduler', 0, 3, u32(0)), unix.call('sched_getscheduler', 0)]).toEqual([0, 3]);
    expect([
      unix.call('sched_setscheduler', 0, 1, u32(0)), unix.call('sched_setscheduler', 0, 0, u32(1)),
        unix.call('sched_setscheduler', 0, 99, u32(0)),
      unix.call('sched_setscheduler', 4711, 0, u32(0))
    ]).toEqual([-E.INVAL, -E.INVAL, -E.INVAL, -E.SRCH]);
    expect([
      unix.call('sched_setscheduler', 0, 2 | 0x40000000, u32(7)), unix.call('sched_getscheduler', 0), unix.call('sched_getparam', 0, at),
        unix.u32(at)
    ]).toEqual([0, 0x40000002, 0, 7]);
    expect(unix.fork().policy).toBe(0);
    unix.call('setresuid', 1000, 1000, 1000);
    expect([
      unix.call('sched_setscheduler', 0, 2, u32(8)), unix.call('sched_setscheduler', 0, 0, u32(0)),
        unix.call('sched_setscheduler', 0, 1, u32(1))
    ]).toEqual([-E.PERM, 0, -E.PERM]);
  });
  it('real-time threads run before all others, the higher priority first', () => {
    const unix = new Unix(),
      threads = [0, 5, 9, 0].map((rt) => {
        const thread = unix.fork();
        thread.rt = rt;
        thread.policy = rt ? 1 : 0;
        thread.state = Run.ready;
        unix.k.cpu.ready.push(thread);
        return thread;
      });
    const order = [1, 2, 3, 4].map(() => unix.k.cpu.ready.shift());
    expect(order.slice(0, 2)).toEqual([threads[2], threads[1]]);
  });
  it('sched_setaffinity refuses a processor that does not exist', () => {
    const unix = new Unix();
    expect([unix.call('sched_setaffinity', 0, 8, u32(1)), unix.call('sched_setaffinity', 0, 8, u32(2))]).toEqual([0, -E.INVAL]);
  });
  it('the slice of SCHED_RR is a setting: 100 ms by default, and 0 restores it', () => {
    const unix = new Unix(), at = unix.space(16),
      slice = (): number => { unix.call('sched_rr_get_interval', 0, at); return unix.u32(at + 8); };
    const path = '/proc/sys/kernel/sched_rr_timeslice_ms';
    unix.call('sched_setscheduler', 0, 2, u32(7));
    const first = [unix.read(unix.open(path)), slice()];
    unix.write(unix.open(path, 1), '30');
    const second = slice();
    unix.write(unix.open(path, 1), '0');
    expect([...first, second, slice()]).toEqual(['100\n', 100e6, 30e6, 100e6]);
  });
});
