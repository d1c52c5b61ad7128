/** `tessera trace`: what a recorded trace says. */
import { Command } from 'commander';
import { oneOf } from '../options.ts';

const formats = ['perfetto', 'mermaid', 'jsonl', 'svg'] as const;
export type TraceFormat = (typeof formats)[number];

export function traceCommand(done: (status: number) => void): Command {
  const trace = new Command('trace').description('what a recorded trace says').addHelpText('after', `
Examples:
  tessera run --trace run.trace getppid 10000
  tessera trace view run.trace
  tessera trace stats run.trace
  tessera trace export run.trace --format perfetto -o run.json
`);
  trace.command('stats').description('counts and latency of messages, events and exits, per task, cause and pair')
    .argument('<file>', 'a trace recorded with --trace; - is standard input')
    .option('-f, --filter <filter>', "only records that match, such as 'task:init kind:event latency>5us' (docs/trace.md)")
    .option('--json', 'one JSON object instead of tables')
    .addHelpText('after', '\nExample:\n  tessera trace stats run.trace --json\n')
    .action(async (file: string, options: { json?: boolean; filter?: string }) => done((await import('../trace.ts')).traceStats(file, options.json ?? false, options.filter)));
  trace.command('export').description('write the trace for other tools')
    .argument('<file>', 'a trace recorded with --trace; - is standard input')
    .option('-f, --filter <filter>', "only records that match, such as 'task:init kind:event latency>5us' (docs/trace.md)")
    .requiredOption('--format <format>', formats.join(', '), oneOf('--format', formats))
    .option('-o, --output <file>', 'where to write it (default: standard output)', '-')
    .addHelpText('after', '\nExample:\n  tessera trace export run.trace --format mermaid\n')
    .action(async (file: string, options: { format: TraceFormat; output: string; filter?: string }) => done(await (await import('../trace.ts')).traceExport(file, options.format, options.output, options.filter)));
  trace.command('view').description('look at the trace on the terminal: messages, timeline, sequence diagrams, statistics')
    .argument('<file>', 'a trace recorded with --trace')
    .option('-f, --filter <filter>', "only records that match, such as 'task:init kind:event latency>5us' (docs/trace.md)")
    .addHelpText('after', '\nExample:\n  tessera trace view run.trace\nKeys are explained under ? in the viewer.\n')
    .action(async (file: string, options: { filter?: string }) => done(await (await import('../trace.ts')).traceView(file, options.filter)));
  return trace;
}
