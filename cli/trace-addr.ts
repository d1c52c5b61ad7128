/** `tessera trace addr`, and `a` in the viewer: translates an address by the page tables in a recording, level by level. */
import { walkLines, walkOf } from '../machine/debug/walked.ts';
import { snapshots, type TraceFile } from '../trace/index.ts';
import { CliError, Exit } from './errors.ts';
import { readTrace } from './trace-source.ts';

const ADVICE = "record with --trace-payload and the monitor's name, such as --trace-payload 'vm*'";

/** A walk of `text` for each virtual processor of the recording; the error is a sentence. */
export function addressLines(trace: TraceFile, text: string, task?: string): string[] | string {
  const address = /^(0x[0-9a-f]{1,16}|\d{1,19})$/i.test(text) ? BigInt(text) : undefined;
  if (address === undefined || address >= 2n ** 64n) return `'${text}' is no address: write for example 0xffffffff80000000`;
  const all = snapshots(trace), chosen = all.filter((s) => task === undefined
    || [trace.taskOf(s.thread), trace.name(s.thread)].includes(task));
  if (all.length === 0) return `this recording has no page tables: ${ADVICE}`;
  const known = all.map((s) => `'${trace.name(s.thread)}'`).join(', ');
  if (chosen.length === 0) return `there are no page tables of '${task}'; there are those of ${known}`;
  return chosen.flatMap((s) => [`${trace.name(s.thread)}, as of record ${s.sequence}`,
    ...walkLines(walkOf((pa) => s.read(pa), s.roots, address)).map((l) => `  ${l}`)]);
}

export function traceAddress(path: string, address: string, task?: string): number {
  const trace = readTrace(path), lines = addressLines(trace, address, task);
  if (typeof lines === 'string') throw new CliError('E_ADDRESS', lines);
  process.stdout.write(`${lines.join('\n')}\n`);
  if (trace.damage) process.stderr.write(`tessera: note: ${trace.damage}\n`);
  return Exit.ok;
}
