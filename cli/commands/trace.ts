/** `tessera trace`: analyses a recorded trace. */
import type { TraceFormat } from '../trace.ts';
import { Command } from 'commander';
import { count, oneOf } from '../options.ts';

const formats = ['perfetto', 'perfetto-proto', 'mermaid', 'jsonl', 'svg', 'pcapng'] as const;
const rowFormats = ['table', 'csv', 'json'] as const;
const FILE = 'a trace recorded with --trace; - is standard input',
  FILTER = "only records that match, such as 'task:init kind:event latency>5us' (docs/trace.md)";

export function traceCommand(done: (status: number) => void): Command {
  const trace = new Command('trace').description('analyse a recorded trace').addHelpText('after', `
Examples:
  tessera run --trace run.trace getppid 10000
  tessera trace view run.trace
  tessera trace stats run.trace
  tessera trace sql run.trace 'select name, count(*) from syscalls group by name'
  tessera trace export run.trace --format perfetto -o run.json
`);
  trace.command('stats').description('print counts and latency of messages, events and exits, per task, cause and pair')
    .argument('<file>', FILE)
    .option('-f, --filter <filter>', FILTER)
    .option('--json', 'print one JSON object instead of tables')
    .addHelpText('after', '\nExample:\n  tessera trace stats run.trace --json\n')
    .action(async (file: string, options: { json?: boolean; filter?: string }) =>
      done((await import('../trace.ts')).traceStats(file, options.json ?? false, options.filter)));
  analyses(trace, done);
  trace.command('export').description('convert the trace for other tools')
    .argument('<file>', FILE)
    .option('-f, --filter <filter>', FILTER)
    .requiredOption('--format <format>', formats.join(', '), oneOf('--format', formats))
    .option('-o, --output <file>', 'file to write (default: standard output)', '-')
    .addHelpText('after', '\nExample:\n  tessera trace export run.trace --format mermaid\n')
    .action(async (file: string, options: { format: TraceFormat; output: string; filter?: string }) =>
      done(await (await import('../trace.ts')).traceExport(file, options.format, options.output, options.filter)));
  trace.command('view').description('show the trace on the terminal: messages, timeline, sequence diagrams, statistics')
    .argument('<file>', 'a trace recorded with --trace')
    .option('-f, --filter <filter>', FILTER)
    .option('--run <command>', 'the command that made the trace, for the key g: gdb at the selected record (it is asked for otherwise)')
    .addHelpText('after', `
Examples:
  tessera trace view run.trace
  tessera trace view run.trace --run 'boot getpid'
Keys are explained under ? in the viewer.
`)
    .action(async (file: string, options: { filter?: string; run?: string }) =>
      done(await (await import('../trace.ts')).traceView(file, options.filter, options.run)));
  return trace;
}

/** The commands that query a trace. */
function analyses(trace: Command, done: (status: number) => void): void {
  const load = () => import('../trace-analysis.ts');
  trace.command('calls').description('print call trees: which requests caused which, with counts and times')
    .argument('<file>', FILE)
    .option('-f, --filter <filter>', "only requests that match as roots, such as 'task:sh nr:openat' (docs/trace.md)")
    .option('--depth <n>', 'levels to show', count('--depth', 1, 12), 6)
    .option('--json', 'print one JSON object instead of a table')
    .addHelpText('after', "\nExample:\n  tessera trace calls run.trace --filter 'task:sh'\n")
    .action(async (file: string, options: { filter?: string; depth: number; json?: boolean }) =>
      done((await load()).traceCalls(file, options)));
  trace.command('path').description('print the critical path between two records, from cause to cause')
    .argument('<file>', FILE).argument('<first>', 'number of a record, or a filter: the first record that matches')
    .argument('<second>', 'the same; with filters, after the first')
    .option('--json', 'print one JSON object instead of lines')
    .addHelpText('after', "\nExample:\n  tessera trace path run.trace 'kind:event nr:read' 'kind:resume nr:read'\n")
    .action(async (file: string, first: string, second: string, options: { json?: boolean }) =>
      done((await load()).tracePath(file, first, second, options.json ?? false)));
  trace.command('diff').description('find the first difference of two traces; exit status 1 when they differ')
    .argument('<first>', FILE).argument('<second>', 'another')
    .option('--no-times', 'ignore times')
    .option('--context <n>', 'records to show before and after', count('--context', 0, 1000), 5)
    .addHelpText('after', '\nExample:\n  tessera trace diff monday.trace tuesday.trace\n')
    .action(async (first: string, second: string, options: { times: boolean; context: number }) =>
      done((await load()).traceDiff(first, second, options)));
  trace.command('addr').description('translate an address: the walk of each stage, level by level (virtual, guest-physical, machine)')
    .argument('<file>', FILE).argument('<address>', 'such as 0xffffffff80000000')
    .option('--task <name>', 'only for this guest or virtual processor')
    .addHelpText('after', `
Example:
  tessera vm --kernel guests/bin/panic.elf --trace run.trace --trace-payload 'vm*'
  tessera trace addr run.trace 0xffffffc080200000
`)
    .action(async (file: string, address: string, options: { task?: string }) =>
      done((await import('../trace-addr.ts')).traceAddress(file, address, options.task)));
  trace.command('sql').description('run a query over the records (docs/queries.md)')
    .argument('<file>', FILE).argument('[query]', 'a select statement; without one, or with -, it comes from standard input')
    .option('-f, --filter <filter>', FILTER)
    .option('--format <format>', rowFormats.join(', '), oneOf('--format', rowFormats), 'table')
    .option('--schema', 'print tables and columns instead')
    .addHelpText('after',
    "\nExample:\n  tessera trace sql run.trace 'select name, count(*), avg(latency) from syscalls group by name order by 2 desc'\n")
    .action(async (file: string, query: string | undefined,
        options: { format: 'table' | 'csv' | 'json'; filter?: string; schema?: boolean }) =>
      done(await (await load()).traceSql(file, query, options)));
}
