/**
 * Traces and tools show a guest without the hypervisor extension: a fault in six steps with the walks of both tables, other exits in steps,
 * both ways from an address to the machine, the report of a panic, and the technique in the guest's lane.
 */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readTrace } from '../cli/trace-source.ts';
import { Cause, Kind } from '../microkernel/abi/index.ts';
import { details } from '../trace/decode.ts';
import type { TraceFile } from '../trace/reader.ts';
import type { RecordView } from '../trace/record.ts';
import { isGuestThread } from '../trace/shadows.ts';
import { screen } from '../trace/view/screen.ts';
import { plain } from '../trace/view/text.ts';
import { Viewer } from '../trace/view/viewer.ts';
import { tessera } from './tessera.ts';
import { temporaryFolder } from './temporary.ts';

const folder = temporaryFolder('shadow'), sites = join(folder, 'panic.sites');
type Line = [name: string, text: string];
interface Seen { readonly record: RecordView; readonly lines: Line[] }

/** The guest's exits, each with its details. */
function exitsOf(trace: TraceFile): Seen[] {
  const seen: Seen[] = [];
  for (const record of trace.records()) if (record.kind === Kind.event && isGuestThread(trace.name(record.actor)))
    seen.push({ record: record.clone(), lines: details(trace, record) });
  return seen;
}
const names = (lines: readonly Line[]): string[] => lines.map(([n]) => n).filter((n) => /^step|walks|shadow/.test(n));
/** A title's lines: its own, and those without a name behind it. */
function under(lines: readonly Line[], title: string): string[] {
  const at = lines.findIndex(([n]) => n === title), rest = at < 0 ? [] : lines.slice(at + 1), end = rest.findIndex(([n]) => n !== '');
  return at < 0 ? [] : [lines[at]!, ...rest.slice(0, end < 0 ? undefined : end)].map(([, text]) => text);
}

describe.each([['trap', []], ['trap', ['--shadow', 'traced']], ['patch', []],
  ['pre', ['--sites', sites]]] as const)('a guest by %s %j', (virt, more) => {
  const file = join(folder, `${virt}-${more.length}.trace`), args = ['vm', '--kernel', 'guests/bin/panic.elf', '--memory', '16M',
    '--virt', virt, ...more];
  let report = '', exits: Seen[] = [], trace: TraceFile;
  beforeAll(async () => {
    if (virt === 'pre') await tessera(['afterburn', 'guests/bin/panic.elf', '-o', sites]);
    report = (await tessera([...args, '--trace', file, '--trace-payload', 'vm*'])).stderr;
    trace = readTrace(file);
    exits = exitsOf(trace);
  });

  it('takes six steps at a hidden fault: the guest\'s tables have the page, the shadow lacks it before and has it after', () => {
    const hidden = exits.filter(({ record, lines }) => record.a === Cause.pageFault && lines.some(([, text]) => text.includes('hidden')));
    expect(hidden.length).toBeGreaterThan(2);
    for (const { lines } of hidden) {
      expect(names(lines)).toEqual(['step 1', 'step 2', 'walks', 'step 4', 'step 5', 'shadow', 'step 6']);
      const before = under(lines, 'walks'), at = before.findIndex((text) => text.startsWith('shadow of'));
      const guests = before.slice(0, at), shadow = before.slice(at), after = under(lines, 'shadow');
      expect(guests.at(-1)).toMatch(/^machine 0x/);
      // It lacks the page, or the right to do what the guest does there.
      if (shadow.at(-1)!.startsWith('machine')) expect(shadow.at(-2)).not.toEqual(after.at(-2));
      else expect(shadow.at(-1)).toMatch(/^ {2}nothing is mapped at/);
      expect(after.at(-1)).toMatch(/^machine 0x/);
      if (virt !== 'patch') expect(after.at(-1)).toBe(guests.at(-1)); // there code runs from a copy
    }
  });
  it('hears of a true fault: the third step says no, and the guest goes on in its handler', () => {
    const fault = exits.find(({ record }) => record.a === Cause.pageFault && record.c === 0x38)!;
    expect(names(fault.lines)).toEqual(['step 1', 'step 2', 'walks', 'step 3']);
    expect(under(fault.lines, 'walks')).toContain('  nothing is mapped at 0x38: its entry is not valid');
    expect(fault.lines.find(([n]) => n === 'mode')![1]).toMatch(/^the guest is in S mode, pc 0xffffffc0802000d0$/);
  });
  it('leaves in five steps otherwise: the instruction as the guest has it, why, who takes it, what is done, where it goes on', () => {
    const others = exits.filter(({ record }) => record.a !== Cause.pageFault && record.a !== Cause.startup);
    expect(names(others.at(-1)!.lines)).toEqual([]); // it switches the machine off: nobody answers
    for (const { lines } of others.slice(0, -1)) expect(names(lines)).toEqual(['step 1', 'step 2', 'step 3', 'step 4', 'step 5']);
    const instructions = others.flatMap(({ lines }) => under(lines, 'instruction'));
    expect(instructions.filter((text) => text.startsWith('ecall ')).length).toBeGreaterThan(100);
    expect(instructions.some((text) => /^csrrw zero, satp, t1 at 0x802000\w\w$/.test(text))).toBe(true);
    expect(others.find(({ lines }) => lines.some(([, text]) => text.includes('SBI dbcn.console_write_byte("p") = 0')))).toBeDefined();
    expect(others.at(-2)!.lines.find(([n]) => n === 'step 5')![1]).toMatch(/names where to go on: vm shadow of kernel, ASID 0$/);
  });
  it('panics with names, last trap, last exits, and the walks of its tables and of their shadow', async () => {
    expect(report).toMatch(/^ {2}S mode in software \(U mode of the machine\) at 0x\w+ call\+0x12$/m);
    expect(report).toMatch(/last trap: load page fault at 0x\w+ find_entry\+0x20, value 0x38/);
    expect(report).toMatch(/last exits\n[^]*SBI dbcn/);
    expect(report).toMatch(/address 0x38\n {4}virtual 0x38, guest's satp Sv39[^]*pc 0xffffffc0802001e2\n[^]*shadow of 0xffffffc0802001e2/);
    const { stdout } = await tessera(['trace', 'addr', file, '0xffffffc0802001e2']);
    const told = report.slice(report.indexOf('  pc 0xffffffc0802001e2')).split('\n').slice(1).filter((l) => l.startsWith('    '));
    expect(stdout.trimEnd().split('\n').slice(1)).toEqual(told.map((l) => l.slice(2)));
    expect(stdout).toMatch(/guest-physical 0x802001e2, 0x10002001e2 to the monitor, satp[^]*machine 0x802001e2\n {2}shadow of/);
  });
  it('has its technique in its lane, and the walks on the page of a record', () => {
    const viewer = new Viewer(trace, 'panic.trace', () => {});
    viewer.resize(120, 60);
    while (viewer.busy) viewer.slice();
    expect(screen(viewer).length).toBeGreaterThan(0);
    viewer.goTo(trace.indexOf(exits.find(({ record }) => record.c === 0x38)!.record.sequence));
    viewer.key('return', 'return');
    expect(screen(viewer).map(plain).join('\n')).toMatch(/step 2 .* walks the guest's own tables\nwalks +virtual 0x38, guest's satp Sv39/);
    viewer.key('escape', 'escape');
    viewer.key('t', 't');
    expect(screen(viewer).map(plain).join('\n')).toMatch(new RegExp(`^vm guest by ${virt} `, 'm'));
  });
});

it('a guest of the hardware extension says so in its lane', async () => {
  const file = join(folder, 'hardware.trace');
  await tessera(['vm', '--kernel', 'guests/bin/panic.elf', '--memory', '16M', '--trace', file]);
  const viewer = new Viewer(readTrace(file), 'panic.trace', () => {});
  viewer.resize(120, 60);
  while (viewer.busy) viewer.slice();
  viewer.key('t', 't');
  expect(screen(viewer).map(plain).join('\n')).toMatch(/^vm guest by hardware /m);
});
