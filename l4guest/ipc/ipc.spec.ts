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
  it('a call performs all its operations or none', () => {
    const unix = new Unix(), set = unix.call('semget', 0, 2, CREAT | 0o600)!;
    unix.call('semctl', set, 0, SETVAL, 1);
    expect(unix.call('semop', set, ops([0, -1], [1, -1, NOWAIT]), 2)).toBe(-E.AGAIN);
    expect([unix.call('semctl', set, 0, GETVAL, 0), unix.call('semctl', set, 1, GETVAL, 0)]).toEqual([1, 0]);
    expect(unix.call('semop', set, ops([0, -1], [1, 2]), 2)).toBe(0);
    expect([unix.call('semctl', set, 0, GETVAL, 0), unix.call('semctl', set, 1, GETVAL, 0)]).toEqual([0, 2]);
    expect(unix.call('semop', set, ops([2, 1]), 1)).toBe(-E.FBIG);
    expect(unix.call('semctl', set, 0, SETVAL, 40000)).toBe(-E.RANGE);
  });
  it('a waiter continues when the value is reached, or the set is removed', () => {
    const unix = new Unix(), set = unix.call('semget', 7, 1, CREAT | 0o600)!, child = unix.fork();
    expect(unix.callOf(child, 'semop', set, ops([0, -2]), 1)).toBeUndefined();
    expect(unix.call('semctl', set, 0, GETNCNT, 0)).toBe(1);
    unix.call('semop', set, ops([0, 1]), 1);
    unix.settle();
    expect(unix.results.has(child)).toBe(false);
    unix.call('semop', set, ops([0, 1]), 1);
    unix.settle();
    expect(unix.results.get(child)).toBe(0);
    expect(unix.callOf(child, 'semop', set, ops([0, -1]), 1)).toBeUndefined();
    expect(unix.call('semctl', set, 0, RMID, 0)).toBe(0);
    unix.settle();
    expect(unix.results.get(child)).toBe(-E.IDRM);
    expect(unix.call('semget', 7, 0, 0)).toBe(-E.NOENT);
  });
  it('SEM_UNDO returns what a process held when it ends', () => {
    const unix = new Unix(), set = unix.call('semget', 0, 1, CREAT | 0o600)!, child = unix.fork();
    unix.call('semctl', set, 0, SETVAL, 3);
    unix.callOf(child, 'semop', set, ops([0, -2, UNDO]), 1);
    expect(unix.call('semctl', set, 0, GETVAL, 0)).toBe(1);
    unix.k.endProcess(child.proc, 9);
    expect(unix.call('semctl', set, 0, GETVAL, 0)).toBe(3);
  });
  it('an old identifier does not name the next set; others need permission', () => {
    const unix = new Unix(), set = unix.call('semget', 5, 1, CREAT | 0o600)!;
    unix.call('semctl', set, 0, RMID, 0);
    const next = unix.call('semget', 5, 1, CREAT | 0o600)!;
    expect(next).not.toBe(set);
    expect(unix.call('semctl', set, 0, GETVAL, 0)).toBe(-E.INVAL);
    unix.call('setresuid', 1000, 1000, 1000);
    expect([
      unix.call('semctl', next, 0, GETVAL, 0), unix.call('semctl', next, 0, RMID, 0), unix.call('semget', 5, 1, 0o600)
    ]).toEqual([-E.ACCES, -E.PERM, -E.ACCES]);
  });
});

describe('System V message queues', () => {
  it('messages come in order, or by type', () => {
    const unix = new Unix(), queue = unix.call('msgget', 0, CREAT | 0o600)!, at = unix.space(64);
    for (const [type, text] of [[3, 'c'], [1, 'a'], [2, 'bb']] as const)
      expect(unix.call('msgsnd', queue, message(type, text), text.length, 0)).toBe(0);
    const next = (type: number, size = 32, flags = NOWAIT): string | number => {
      const n = unix.call('msgrcv', queue, at, size, type, flags)!;
      return n < 0 ? n : `${unix.u32(at)}${unix.text(at + 8, n)}`;
    };
    expect(next(2, 1)).toBe(-E.TOOBIG);
    expect([next(-2), next(2, 1, NOWAIT | 0o10000), next(0), next(0)]).toEqual(['1a', '2b', '3c', -E.NOMSG]);
  });
  it('are charged what they take of the host, also those of one byte', () => {
    const unix = new Unix(), queue = unix.call('msgget', 4, CREAT | 0o600)!,
      short = unix.put(message(1, 'x')), free = unix.k.frames.free, count = 200;
    for (let i = 0; i < count; i++) expect(unix.call('msgsnd', queue, short, 1, 0)).toBe(0);
    expect((free - unix.k.frames.free) * 4096).toBeGreaterThan(count * 280);
  });
  it('a full queue makes the sender wait, an empty one the receiver', () => {
    const unix = new Unix(), queue = unix.call('msgget', 0, CREAT | 0o600)!, at = unix.space(9000), big = 'x'.repeat(8192),
      child = unix.fork();
    for (let i = 0; i < 2; i++) expect(unix.call('msgsnd', queue, message(1, big), 8192, 0)).toBe(0);
    expect(unix.call('msgsnd', queue, message(1, 'y'), 1, NOWAIT)).toBe(-E.AGAIN);
    expect(unix.callOf(child, 'msgsnd', queue, message(1, 'y'), 1, 0)).toBeUndefined();
    expect(unix.call('msgrcv', queue, at, 8192, 0, 0)).toBe(8192);
    unix.settle();
    expect(unix.results.get(child)).toBe(0);
    expect([unix.call('msgrcv', queue, at, 8192, 0, 0), unix.call('msgrcv', queue, at, 8192, 0, 0)]).toEqual([8192, 1]);
  });
});

describe('System V shared memory', () => {
  it('remap_file_pages lets a removed segment go, and finds nothing to map, unless somebody else has it', () => {
    const unix = new Unix(), free = unix.k.frames.idle, segment = unix.call('shmget', 9, 8192, CREAT | 0o600)!,
      at = unix.call('shmat', segment, 0, 0)!, remap = (where: number): number => unix.call('remap_file_pages', where, 8192, 0, 0, 0)!;
    expect(remap(at)).toBe(0);
    const second = unix.call('shmat', segment, 0, 0)!;
    expect([unix.call('shmctl', segment, 0, 0), remap(at), unix.call('shmdt', second)]).toEqual([0, 0, 0]);
    expect([remap(at), remap(at), unix.call('shmdt', at)]).toEqual([-E.INVAL, -E.INVAL, -E.INVAL]);
    expect(unix.k.frames.idle).toBe(free);
  });
  it('a removed segment lives while a process maps it, and then frees its memory', () => {
    const unix = new Unix(), free = unix.k.frames.idle, segment = unix.call('shmget', 9, 8192, CREAT | 0o600)!,
      at = unix.call('shmat', segment, 0, 0)!;
    unix.call('shmctl', segment, RMID, 0);
    // Its key is free, but its number still names it.
    const again = unix.call('shmat', segment, 0, 0)!;
    expect([unix.call('shmget', 9, 0, 0), again > 0, unix.call('shmdt', again)]).toEqual([-E.NOENT, true, 0]);
    unix.call('getcwd', at, 100);
    expect(unix.text(at, 1)).toBe('/');
    expect(unix.call('shmdt', at)).toBe(0);
    expect([unix.k.frames.idle, unix.call('shmat', segment, 0, 0)]).toEqual([free, -E.INVAL]);
  });
  it('the end of the last process that maps a segment frees it too', () => {
    const unix = new Unix(), child = unix.fork(), free = unix.k.frames.idle, segment = unix.call('shmget', 9, 8192, CREAT | 0o600)!,
      at = unix.callOf(child, 'shmat', segment, 0, 0)!;
    unix.callOf(child, 'getcwd', at, 100);
    unix.call('shmctl', segment, RMID, 0);
    unix.k.endProcess(child.proc, 0);
    expect(unix.k.frames.idle).toBeGreaterThanOrEqual(free);
  });
});

describe('POSIX message queues', () => {
  it('the highest priority first, then the oldest; limits from the attributes', () => {
    const unix = new Unix(), queue = unix.call('mq_open', 'q', 0o102, 0o600, words(0, 3, 16))!, at = unix.space(16), prio = unix.space(4),
      wall = words(2_000_000_000, 0);
    for (const [text, priority] of [['low', 1], ['high', 9], ['high2', 9]] as const)
      expect(unix.call('mq_timedsend', queue, new TextEncoder().encode(text), text.length, priority, 0)).toBe(0);
    expect(unix.call('mq_timedsend', queue, 'xxxxxxxxxxxxxxxxx', 17, 0, 0)).toBe(-E.MSGSIZE);
    expect(unix.call('mq_timedreceive', queue, at, 15, prio, 0)).toBe(-E.MSGSIZE);
    const got = [0, 1, 2].map(() => {
      const n = unix.call('mq_timedreceive', queue, at, 16, prio, wall)!;
      return `${unix.text(at, n)}/${unix.u32(prio)}`;
    });
    expect(got).toEqual(['high/9', 'high2/9', 'low/1']);
    expect(unix.call('mq_timedreceive', queue, at, 16, prio, words(1, 0))).toBe(-E.TIMEDOUT);
  });
  it('unlinking removes the name at once, the queue with its last descriptor', () => {
    const unix = new Unix(), queue = unix.call('mq_open', 'q', 0o102, 0o600, 0)!;
    expect([
      unix.call('mq_open', 'q', 0o302, 0o600, 0), unix.call('mq_unlink', 'q'), unix.call('mq_open', 'q', 2, 0, 0),
      unix.call('mq_timedsend', queue, 'm', 1, 0, 0)
    ]).toEqual([-E.EXIST, 0, -E.NOENT, 0]);
  });
  it('the first message raises the registered signal, once', () => {
    const unix = new Unix(), queue = unix.call('mq_open', 'q', 0o102, 0o600, 0)!, event = new Uint8Array(64);
    new DataView(event.buffer).setInt32(8, 10, true);
    unix.call('rt_sigprocmask', 0, words(1 << 9), 0, 8);
    expect([unix.call('mq_notify', queue, event), unix.call('mq_notify', queue, event)]).toEqual([0, -E.BUSY]);
    unix.call('mq_timedsend', queue, 'm', 1, 0, 0);
    expect(unix.main.proc.pending.take(0n)).toMatchObject({ signo: 10, code: -3 });
    unix.call('mq_timedsend', queue, 'n', 1, 0, 0);
    expect(unix.main.proc.pending.take(0n)).toBeUndefined();
  });
});
