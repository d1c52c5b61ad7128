/**
 * The details of a guest's access to a device's register name its eight steps, and those of a request to a disk and of its interrupt the
 * eight steps there and back, with the records where they are.
 */
import { describe, expect, it } from 'vitest';
import { details, Filter, type TraceFile } from '../trace/index.ts';
import ioSteps from '../scenarios/io-steps.ts';
import mmio from '../scenarios/mmio.ts';
import { bootJudged } from './judged.ts';

/** The first record that a filter finds. */
function first(trace: TraceFile, text: string): number {
  const filter = new Filter(text, trace);
  filter.prepareNow();
  for (let i = 0; i < trace.length; i++) if (filter.test(trace.at(i), i)) return i;
  throw new Error(`no record is ${text}`);
}

/** The steps in the details of a record, and the kinds of the records that they name. */
function steps(trace: TraceFile, at: number): { texts: string[]; kinds: string[] } {
  const texts = details(trace, trace.at(at)).filter(([name]) => name.startsWith('step')).map(([name, text], i) => {
    expect(name).toBe(`step ${i + 1}`);
    return text;
  });
  return { texts, kinds: texts.map((text) => {
    const sequence = /record (\d+)/.exec(text)?.[1];
    return sequence === undefined ? '' : trace.at(trace.indexOf(Number(sequence))).kindName;
  }) };
}

it("the load of a serial port's register has eight steps: event, switch there, answer and switch back are records", async () => {
  const { trace } = await bootJudged({ ...mmio, holds: [{ filter: 'kind:event cause:guestPageFault', why: 'there is such an access' }] });
  const { kinds } = steps(trace!, first(trace!, 'kind:event cause:guestPageFault address:0x10000005'));
  expect(kinds).toEqual(['', '', 'event', 'schedule', '', '', 'resume', 'schedule']);
});

describe('a read of a disk', async () => {
  const { trace } = await bootJudged({ ...ioSteps, holds: [{ filter: 'kind:interrupt', why: 'the disk interrupts' }] });
  it('has four steps to the device, and four steps of the interrupt back to the guest', () => {
    const { texts, kinds } = steps(trace!, first(trace!, 'kind:event cause:guestPageFault address:0x10001050'));
    expect(kinds).toEqual(['', 'event', 'wake', 'resume', 'interrupt', 'wake', 'recall', 'resume']);
    expect(texts[3]).toContain('disk0 calls disk');
    expect(texts[7]).toContain('makes an interrupt pending');
  });
  it('has the last four in the details of the interrupt too', () => {
    const { texts, kinds } = steps(trace!, first(trace!, 'kind:interrupt'));
    expect(kinds).toEqual(['interrupt', 'wake', 'recall', 'resume']);
    expect(texts[0]).toContain('wakes disk interrupts of disk');
    expect(texts[2]).toContain('recalls vm vCPU 0');
  });
});
