/** The details of a guest's access to a device's register name its eight steps, with the records where they are. */
import { expect, it } from 'vitest';
import { details, Filter, type TraceFile } from '../trace/index.ts';
import mmio from '../scenarios/mmio.ts';
import { bootJudged } from './judged.ts';

/** The first record that a filter finds. */
function first(trace: TraceFile, text: string): number {
  const filter = new Filter(text, trace);
  filter.prepareNow();
  for (let i = 0; i < trace.length; i++) if (filter.test(trace.at(i), i)) return i;
  throw new Error(`no record is ${text}`);
}

it("the load of a serial port's register has eight steps: event, switch there, answer and switch back are records", async () => {
  const { trace } = await bootJudged({ ...mmio, holds: [{ filter: 'kind:event cause:guestPageFault', why: 'there is such an access' }] });
  const at = first(trace!, 'kind:event cause:guestPageFault address:0x10000005'), lines = new Map(details(trace!, trace!.at(at)));
  const recordOf = (step: number): string => {
    const sequence = Number(/^record (\d+)/.exec(lines.get(`step ${step}`)!)![1]);
    return trace!.at(trace!.indexOf(sequence)).kindName;
  };
  expect([...lines.keys()].filter((k) => k.startsWith('step'))).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((n) => `step ${n}`));
  expect([3, 4, 7, 8].map(recordOf)).toEqual(['event', 'schedule', 'resume', 'schedule']);
});
