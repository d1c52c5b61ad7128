import { describe, expect, it } from 'vitest';
import { Cause, Kind } from '../microkernel/abi/index.ts';
import { Flow, TraceFile, callTree, criticalPath, firstDivergence, analyse } from './index.ts';
import { recorded, story, type Rec } from './testing/traces.ts';

/** The cause of each record, by sequence number; 0 = none. */
function links(records: Rec[]): number[] {
  const trace = new TraceFile(recorded(records)), flow = new Flow(trace);
  return Array.from(trace.records(), (r) => flow.next(r, trace.indexOf(r.sequence)) + 1);
}
const rec = (kind: number, actor: number, object: number, more: Partial<Rec> = {}): Rec => ({ time: 0, kind, actor, object, ...more });

describe('what led to a record', () => {
  it('is the request for a server, the answer for a client, and the own step before otherwise', () => {
    //                     schedule event receive schedule call receive invoke map reply resume event resume invoke interrupt
    expect(links(story())).toEqual([0, 0, 2, 3, 3, 5, 6, 7, 8, 9, 10, 11, 12, 0]);
  });
  it('is the signal or the interrupt for a wake-up', () => {
    expect(links([
      rec(Kind.invoke, 12, 50, { a: 0x401 }), rec(Kind.invoke, 22, 2, { a: 0x200 }), rec(Kind.wake, 12, 50, { a: 22 }),
      rec(Kind.invoke, 22, 50, { a: 0x400 }),
      rec(Kind.interrupt, 0, 51, { a: 10 }), rec(Kind.wake, 33, 51, { cause: 5 }), rec(Kind.invoke, 33, 51, { a: 0x402 }),
      rec(Kind.schedule, 12, 22),
    ])).toEqual([0, 0, 2, 2, 0, 5, 6, 3]);
  });
  it('is not an event that its server takes later', () => {
    // The server waits in its own call when the process faults; it receives the fault after the call's answer.
    expect(links([
      rec(Kind.call, 22, 40, { a: 0x1000 }), rec(Kind.event, 12, 30, { a: Cause.pageFault }), rec(Kind.receive, 33, 22, { cause: 1 }),
      rec(Kind.reply, 33, 22, { cause: 1 }),
      rec(Kind.invoke, 22, 2, { a: 0x201 }), rec(Kind.receive, 22, 12, { cause: 2 }), rec(Kind.resume, 22, 12, { cause: 2 }),
    ])).toEqual([0, 0, 1, 3, 4, 2, 6]);
  });
});

describe('a critical path', () => {
  const asked = { time: 0, kind: Kind.event, actor: 12, object: 30, a: Cause.syscall, c: 172 };
  it('says how long somebody was ready while another one ran', () => {
    const trace = new TraceFile(recorded([
      asked, { time: 200, kind: Kind.schedule, actor: 33, object: 12 }, { time: 5000, kind: Kind.schedule, actor: 22, object: 33 },
      { time: 5400, kind: Kind.resume, actor: 22, object: 12, cause: 1 },
    ])), path = criticalPath(trace, 3, 0),
    steps = [{ record: 0, took: 0, waited: 0, kernel: 0 }, { record: 3, took: 5400, waited: 5000, kernel: 0 }];
    expect(path).toEqual({ steps, complete: true, byTask: [{ task: 'l4guest', cycles: 400 }, { task: 'sh', cycles: 0 }], waited: 5000 });
  });
  it('counts as the kernel\'s what passed while it chose a thread and its memory', () => {
    const trace = new TraceFile(recorded([
      asked, { time: 270, kind: Kind.schedule, actor: 22, object: 12 }, { time: 400, kind: Kind.spaceSwitch, actor: 22, object: 2 },
      { time: 1000, kind: Kind.resume, actor: 22, object: 12, cause: 1 },
    ])), path = criticalPath(trace, 3, 0), { steps: [, last], byTask, waited } = path;
    expect([last, byTask[0], byTask[1], waited]).toEqual([
      { record: 3, took: 1000, waited: 0, kernel: 400 }, { task: 'l4guest', cycles: 600 }, { task: 'kernel', cycles: 400 }, 0,
    ]);
  });
});

describe('call trees', () => {
  it('put what a server asks below what it was asked', () => {
    const [open, fault] = callTree(new TraceFile(recorded(story(3))));
    expect(open).toMatchObject({
      name: 'sh: openat', count: 3, total: 1500, self: 1200,
      children: [{ name: 'l4guest: memory.create', count: 3, total: 300, children: [{ name: 'roottask: task.map', count: 3 }] }]
    });
    expect(fault).toMatchObject({ name: 'sh: pageFault', count: 3, total: 150, children: [] });
  });
});

describe('differences', () => {
  const trace = (change?: (r: Rec[]) => void): TraceFile => { const r = story(4); change?.(r); return new TraceFile(recorded(r)); };
  it('name record and fields; times count unless they do not', () => {
    expect(firstDivergence(trace(), trace())).toBeUndefined();
    const later = trace((r) => { r[20]!.time += 7; });
    expect(firstDivergence(trace(), later)).toEqual({ record: 20, fields: ['time'] });
    expect(firstDivergence(trace(), later, false)).toBeUndefined();
    expect(firstDivergence(trace(), trace((r) => { r[5]!.status = 3; r[5]!.c = 1; }))).toEqual({ record: 5, fields: ['status', 'c'] });
    expect(firstDivergence(trace(), trace((r) => { r.pop(); }))).toEqual({ record: 55, fields: [] });
  });
});

describe('time', () => {
  it('is the thread\'s own until it comes in, the kernel\'s until the next one runs, idle while nobody does', () => {
    const { time } = analyse(new TraceFile(recorded([
      { time: 0, kind: Kind.schedule, actor: 12, object: 0 },
      { time: 100, kind: Kind.event, actor: 12, object: 30, a: Cause.syscall, c: 172 },
      { time: 130, kind: Kind.schedule, actor: 22, object: 12 },
      { time: 180, kind: Kind.resume, actor: 22, object: 12, cause: 2 }, { time: 1180, kind: Kind.interrupt, actor: 0, object: 50, a: 1 },
      { time: 1190, kind: Kind.schedule, actor: 12, object: 22 }, { time: 1220, kind: Kind.call, actor: 12, object: 40 },
    ])));
    expect(time.map(({ task, mode, cycles }) => [task, mode, cycles])).toEqual([
      ['', 'idle', 1000], ['sh', 'process', 130], ['l4guest', 'server', 50], ['', 'kernel', 40]
    ]);
  });
});
