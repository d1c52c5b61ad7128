import { describe, expect, it } from 'vitest';
import { Filter, FilterError, TraceFile, analyse, completions, filtered, jsonLines } from './index.ts';
import { recorded, story } from './testing/traces.ts';

const trace = new TraceFile(recorded(story(3)));
function found(text: string): number[] {
  const list: number[] = [];
  for (const record of filtered(trace, new Filter(text, trace)).records()) list.push(record.sequence);
  return list;
}
const mistake = (text: string): string => {
  try { new Filter(text, trace); } catch (error) { expect(error).toBeInstanceOf(FilterError); return (error as Error).message; }
  return '';
};

describe('the filter language', () => {
  it('shows everything when it is empty', () => expect(found('').length).toBe(42));
  it('finds kinds, one of several, and what is not', () => {
    expect(found('kind:interrupt')).toEqual([14, 28, 42]);
    expect(found('kind:interrupt,invoke seq:1..14')).toEqual([7, 13, 14]);
    expect(found('-kind:event,receive,schedule,call,map,reply,resume seq<=14')).toEqual([7, 13, 14]);
    expect(found('kind!=interrupt seq:13..14')).toEqual([13]);
  });
  it('gives answers the cause and system call of what they answer', () => {
    expect(found('nr:openat seq<15')).toEqual([2, 3, 10]);
    expect(found('nr:56 kind:event')).toEqual([2, 16, 30]);
    expect(found('cause:pageFault seq<15')).toEqual([11, 12]);
  });
  it('knows operations and requests by their whole or short name, with stars', () => {
    expect(found('op:memory.create seq<15')).toEqual([5, 6, 8, 9]);
    expect(found('op:map seq<15')).toEqual([7]);
    expect(found('op:mem* kind:call')).toEqual([5, 19, 33]);
  });
  it('compares latencies, times and addresses with units', () => {
    expect(found('latency>0.4us kind:event')).toEqual([2, 16, 30]);
    expect(found('latency<=50 kind:event')).toEqual([11, 25, 39]);
    expect(found('time>=2us time<2.1us')).toEqual([15]);
    expect(found('address:0x10abc')).toEqual([11, 25, 39]);
  });
  it('looks for tasks at either end, or at one', () => {
    expect(found('task:roottask seq<15')).toEqual([5, 6, 7, 8, 9]);
    expect(found('from:roottask to:L4GUEST seq<15')).toEqual([6, 7, 8, 9]);
    expect(found('from:kernel')).toEqual([14, 28, 42]);
    expect(found('thread:mem* kind:call')).toEqual([5, 19, 33]);
  });
  it('takes other words from the line that the list shows', () => {
    expect(found('"page fault" kind:event')).toEqual([11, 25, 39]);
    expect(found('BADRIGHTS')).toEqual([13, 27, 41]);
    expect(found('status:badRights')).toEqual([13, 27, 41]);
  });
  it('tells mistakes in one line that says what to write', () => {
    expect(mistake('kind:evnet')).toBe("no kind 'evnet'; did you mean 'event'?");
    expect(mistake('tsak:sh')).toBe("no field 'tsak'; did you mean 'task'?");
    expect(mistake('task:vim')).toBe("no task 'vim' in this trace; there are sh, l4guest, roottask");
    expect(mistake('latency>fast')).toBe("'fast' is not a duration; write for example latency>5us");
    expect(mistake('hart>2us')).toBe("'2us' is not a number; write for example hart:1");
    expect(mistake('kind>event')).toBe("'kind' is a name and cannot be compared with '>'; write kind:event");
    expect(mistake('nr:')).toBe("'nr:' wants a value, such as nr:openat");
    expect(mistake('"page fault')).toBe('a quotation mark is not closed');
    expect(mistake('seq>1..2')).toBe("a range goes with ':'; write seq:1..2");
  });
  it('completes fields and values of the last term', () => {
    expect(completions('ti', trace)).toEqual(['time>']);
    expect(completions('kind:event cause:pa', trace)).toEqual(['kind:event cause:pageFault']);
    expect(completions('-kind:event,inv', trace)).toEqual(['-kind:event,invoke']);
    expect(completions('task:', trace)).toEqual(['task:sh', 'task:l4guest', 'task:roottask']);
    expect(completions('nr:opena', trace)).toEqual(['nr:openat', 'nr:openat2'].filter((c) => completions('nr:', trace).includes(c)));
  });
  it('narrows statistics and exports', () => {
    const filter = new Filter('nr:openat', trace), stats = analyse(trace, (r, i) => filter.test(r, i));
    expect(stats.records).toBe(9);
    expect(stats.syscalls).toMatchObject([{ number: 56, events: 3, replies: 3, latency: { median: 500 } }]);
    expect([...jsonLines(filtered(trace, filter))].length).toBe(9);
  });
});
