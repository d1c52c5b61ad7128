import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { Unix } from '../testing/unix.ts';

const CREAT = 0o1000, NOWAIT = 0o4000, UNDO = 0o10000, RMID = 0, GETVAL = 12, SETVAL = 16, GETNCNT = 14;
const ops = (...list: [number, number, number?][]): Uint8Array => {
  const bytes = new Uint8Array(list.length * 6), view = new DataView(bytes.buffer);
  list.forEach(([n, op, flags], i) => {
    view.setUint16(i * 6, n, true);
    view.setInt16(i * 6 + 2, op, true);
    view.setUint16(i * 6 + 4, flags ?? 0, true);
  });
  return bytes;
};
const message = (type: number, text: string): Uint8Array => {
  const bytes = new Uint8Array(8 + text.length);
  new DataView(bytes.buffer).setBigInt64(0, BigInt(type), true);
  bytes.set(new TextEncoder().encode(text), 8);
  return bytes;
};
const words = (...list: number[]): Uint8Array => {
  const bytes = new Uint8Array(list.length * 8), view = new DataView(bytes.buffer);
  list.forEach((n, i) => { view.setBigInt64(i * 8, BigInt(n), true); });
  return bytes;
};

describe('System V semaphores', () => {
  it('a call does all its operations or none', () => {
    const unix = new Unix(), s = unix.call('semget', 0, 2, CREAT | 0o600)!;
    unix.call('semctl', s, 0, SETVAL, 1);
    expect(unix.call('semop', s, ops([0, -1], [1, -1, NOWAIT]), 2)).toBe(-E.AGAIN);
    expect([unix.call('semctl', s, 0, GETVAL, 0), unix.call('semctl', s, 1, GETVAL, 0)]).toEqual([1, 0]);
    expect(unix.call('semop', s, ops([0, -1], [1, 2]), 2)).toBe(0);
    expect([unix.call('semctl', s, 0, GETVAL, 0), unix.call('semctl', s, 1, GETVAL, 0)]).toEqual([0, 2]);
    expect(unix.call('semop', s, ops([2, 1]), 1)).toBe(-E.FBIG);
    expect(unix.call('semctl', s, 0, SETVAL, 40000)).toBe(-E.RANGE);
  });
  it('who waits goes on when the value is there, or the set is gone', () => {
    const u = new Unix(), s = u.call('semget', 7, 1, CREAT | 0o600)!, child = u.fork();
    expect(u.callOf(child, 'semop', s, ops([0, -2]), 1)).toBeUndefined();
    expect(u.call('semctl', s, 0, GETNCNT, 0)).toBe(1);
    u.call('semop', s, ops([0, 1]), 1);
    u.settle();
    expect(u.results.has(child)).toBe(false);
    u.call('semop', s, ops([0, 1]), 1);
    u.settle();
    expect(u.results.get(child)).toBe(0);
    expect(u.callOf(child, 'semop', s, ops([0, -1]), 1)).toBeUndefined();
    expect(u.call('semctl', s, 0, RMID, 0)).toBe(0);
    u.settle();
    expect(u.results.get(child)).toBe(-E.IDRM);
    expect(u.call('semget', 7, 0, 0)).toBe(-E.NOENT);
  });
  it('SEM_UNDO gives back what a process held when it ends', () => {
    const u = new Unix(), s = u.call('semget', 0, 1, CREAT | 0o600)!, child = u.fork();
    u.call('semctl', s, 0, SETVAL, 3);
    u.callOf(child, 'semop', s, ops([0, -2, UNDO]), 1);
    expect(u.call('semctl', s, 0, GETVAL, 0)).toBe(1);
    u.k.endProcess(child.proc, 9);
    expect(u.call('semctl', s, 0, GETVAL, 0)).toBe(3);
  });
  it('an old identifier does not name the next set; others need permission', () => {
    const u = new Unix(), s = u.call('semget', 5, 1, CREAT | 0o600)!;
    u.call('semctl', s, 0, RMID, 0);
    const next = u.call('semget', 5, 1, CREAT | 0o600)!;
    expect(next).not.toBe(s);
    expect(u.call('semctl', s, 0, GETVAL, 0)).toBe(-E.INVAL);
    u.call('setresuid', 1000, 1000, 1000);
    expect([
      u.call('semctl', next, 0, GETVAL, 0), u.call('semctl', next, 0, RMID, 0), u.call('semget', 5, 1, 0o600)
    ]).toEqual([-E.ACCES, -E.PERM, -E.ACCES]);
  });
});

describe('System V message queues', () => {
  it('messages come in order, or by type', () => {
    const unix = new Unix(), q = unix.call('msgget', 0, CREAT | 0o600)!, at = unix.space(64);
    for (const [type, text] of [[3, 'c'], [1, 'a'], [2, 'bb']] as const)
      expect(unix.call('msgsnd', q, message(type, text), text.length, 0)).toBe(0);
    const next = (type: number, size = 32, flags = NOWAIT): string | number => {
      const n = unix.call('msgrcv', q, at, size, type, flags)!;
      return n < 0 ? n : `${unix.u32(at)}${unix.text(at + 8, n)}`;
    };
    expect(next(2, 1)).toBe(-E.TOOBIG);
    expect([next(-2), next(2, 1, NOWAIT | 0o10000), next(0), next(0)]).toEqual(['1a', '2b', '3c', -E.NOMSG]);
  });
  it('a full queue makes the sender wait, an empty one the receiver', () => {
    const u = new Unix(), q = u.call('msgget', 0, CREAT | 0o600)!, at = u.space(9000), big = 'x'.repeat(8192), child = u.fork();
    for (let i = 0; i < 2; i++) expect(u.call('msgsnd', q, message(1, big), 8192, 0)).toBe(0);
    expect(u.call('msgsnd', q, message(1, 'y'), 1, NOWAIT)).toBe(-E.AGAIN);
    expect(u.callOf(child, 'msgsnd', q, message(1, 'y'), 1, 0)).toBeUndefined();
    expect(u.call('msgrcv', q, at, 8192, 0, 0)).toBe(8192);
    u.settle();
    expect(u.results.get(child)).toBe(0);
    expect([u.call('msgrcv', q, at, 8192, 0, 0), u.call('msgrcv', q, at, 8192, 0, 0)]).toEqual([8192, 1]);
  });
});

describe('System V shared memory', () => {
  it('a removed segment lives as long as somebody maps it, and then gives its memory back', () => {
    const unix = new Unix(), free = unix.k.frames.idle, s = unix.call('shmget', 9, 8192, CREAT | 0o600)!, at = unix.call('shmat', s, 0, 0)!;
    unix.call('shmctl', s, RMID, 0);
    expect([unix.call('shmget', 9, 0, 0), unix.call('shmat', s, 0, 0)]).toEqual([-E.NOENT, -E.INVAL]);
    unix.call('getcwd', at, 100);
    expect(unix.text(at, 1)).toBe('/');
    expect(unix.call('shmdt', at)).toBe(0);
    expect(unix.k.frames.idle).toBe(free);
  });
  it('the end of the last process that maps it counts too', () => {
    const u = new Unix(), child = u.fork(), free = u.k.frames.idle, s = u.call('shmget', 9, 8192, CREAT | 0o600)!,
      at = u.callOf(child, 'shmat', s, 0, 0)!;
    u.callOf(child, 'getcwd', at, 100);
    u.call('shmctl', s, RMID, 0);
    u.k.endProcess(child.proc, 0);
    expect(u.k.frames.idle).toBeGreaterThanOrEqual(free);
  });
});

describe('POSIX message queues', () => {
  it('the highest priority first, then the oldest; limits from the attributes', () => {
    const unix = new Unix(), q = unix.call('mq_open', 'q', 0o102, 0o600, words(0, 3, 16))!, at = unix.space(16), prio = unix.space(4),
      wall = words(2_000_000_000, 0);
    for (const [text, p] of [['low', 1], ['high', 9], ['high2', 9]] as const)
      expect(unix.call('mq_timedsend', q, new TextEncoder().encode(text), text.length, p, 0)).toBe(0);
    expect(unix.call('mq_timedsend', q, 'xxxxxxxxxxxxxxxxx', 17, 0, 0)).toBe(-E.MSGSIZE);
    expect(unix.call('mq_timedreceive', q, at, 15, prio, 0)).toBe(-E.MSGSIZE);
    const got = [0, 1, 2].map(() => {
      const n = unix.call('mq_timedreceive', q, at, 16, prio, wall)!;
      return `${unix.text(at, n)}/${unix.u32(prio)}`;
    });
    expect(got).toEqual(['high/9', 'high2/9', 'low/1']);
    expect(unix.call('mq_timedreceive', q, at, 16, prio, words(1, 0))).toBe(-E.TIMEDOUT);
  });
  it('a name goes at once, the queue with its last descriptor', () => {
    const u = new Unix(), q = u.call('mq_open', 'q', 0o102, 0o600, 0)!;
    expect([
      u.call('mq_open', 'q', 0o302, 0o600, 0), u.call('mq_unlink', 'q'), u.call('mq_open', 'q', 2, 0, 0),
      u.call('mq_timedsend', q, 'm', 1, 0, 0)
    ]).toEqual([-E.EXIST, 0, -E.NOENT, 0]);
  });
  it('the first message raises the signal that was asked for, once', () => {
    const u = new Unix(), q = u.call('mq_open', 'q', 0o102, 0o600, 0)!, event = new Uint8Array(64);
    new DataView(event.buffer).setInt32(8, 10, true);
    u.call('rt_sigprocmask', 0, words(1 << 9), 0, 8);
    expect([u.call('mq_notify', q, event), u.call('mq_notify', q, event)]).toEqual([0, -E.BUSY]);
    u.call('mq_timedsend', q, 'm', 1, 0, 0);
    expect(u.main.proc.pending.take(0n)).toMatchObject({ signo: 10, code: -3 });
    u.call('mq_timedsend', q, 'n', 1, 0, 0);
    expect(u.main.proc.pending.take(0n)).toBeUndefined();
  });
});
