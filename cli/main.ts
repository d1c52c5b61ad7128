/**
 * The `tessera` command. Each command's file describes its options and loads what it needs only when it runs, so that `tessera --help` is
 * as fast as Node itself. `main` sets the exit status and lets Node end when everything is written.
 */
import { Command, CommanderError } from 'commander';
import { CliError, Exit, fileError } from './errors.ts';
import { outputFailure, outputLost } from './output.ts';
import { refuseQemu } from './qemu.ts';
import { reportError } from './report.ts';
import { settleStats } from './options.ts';
import { afterburnCommand } from './commands/afterburn.ts';
import { bareCommand } from './commands/bare.ts';
import { bootCommand } from './commands/boot.ts';
import { classifyCommand } from './commands/classify.ts';
import { compareCommand } from './commands/compare.ts';
import { completionCommand } from './commands/completion.ts';
import { doctorCommand } from './commands/doctor.ts';
import { imagesCommand } from './commands/images.ts';
import { labCommand } from './commands/lab.ts';
import { newCommand } from './commands/new.ts';
import { reportCommand } from './commands/report.ts';
import { runCommand } from './commands/run.ts';
import { traceCommand } from './commands/trace.ts';
import { vmCommand } from './commands/vm.ts';
import { settleEngine } from './v8.ts';
import { didYouMean } from './near.ts';
import { version } from './version.ts';

const examples = `
Examples:
  tessera boot two-worlds                        a Unix world and a virtual machine, side by side
  tessera run --rootfs images/rootfs sh          a shell, in tasks of a microkernel
  tessera vm --kernel images/vmlinuz --initrd images/initramfs.cpio --append console=ttyS0
  tessera bare --kernel images/vmlinuz --initrd images/initramfs.cpio
  tessera trace stats run.trace                  who sent how many messages to whom
  tessera lab start 1 my-lab                     a lab, and tessera lab check my-lab grades it
`;

const COMMANDS = {
  boot: bootCommand, run: runCommand, vm: vmCommand, bare: bareCommand, afterburn: afterburnCommand,
  classify: classifyCommand, compare: compareCommand,
  trace: traceCommand, report: reportCommand, lab: labCommand, new: newCommand, images: imagesCommand, doctor: doctorCommand,
  completion: completionCommand,
} as const;
const isCommand = (name: string | undefined): name is keyof typeof COMMANDS => name !== undefined && Object.hasOwn(COMMANDS, name);

/** Every command with its options, or only the requested one; actions report their exit status to `done`. */
export function buildProgram(done: (status: number) => void, asked?: string): Command {
  const program = new Command('tessera')
    .description('A small computer system: a RISC-V machine, a microkernel, a Unix server and virtual machines.')
    .version(version(), '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .enablePositionalOptions()
    .addHelpText('after', examples);
  for (const make of isCommand(asked) ? [COMMANDS[asked]] : Object.values(COMMANDS)) program.addCommand(make(done));
  for (const command of withChildren(program)) settle(command);
  return program;
}

function withChildren(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withChildren)];
}

/** Errors reach `main` as exceptions, which prints them in our format. */
function settle(command: Command): void {
  command.exitOverride();
  command.configureOutput({ outputError: () => {} });
  command.configureHelp({ helpWidth: 100 });
}

/** The command that words lead to, and the words behind its name. */
function reached(program: Command, words: readonly string[]): { command: Command; rest: readonly string[] } {
  let command = program, at = 0;
  for (let i = 0; i < words.length; i++) {
    const next = command.commands.find((c) => c.name() === words[i]);
    if (next) { command = next; at = i + 1; }
    else if (!words[i]!.startsWith('-')) break;
  }
  return { command, rest: words.slice(at) };
}

/** Commander looks for what is missing, and counts arguments, before it looks at names: a mistyped name is behind that. */
function mistyped(error: CommanderError, program: Command, words: readonly string[]): string | undefined {
  const { command, rest } = reached(program, words);
  if (error.code === 'commander.missingMandatoryOptionValue') {
    const known = [...optionsOf(command).keys()], options = rest.map((w) => w.replace(/=.*/s, '')).filter((w) => /^--\w/.test(w));
    const word = options.find((w) => !known.includes(w));
    return word && `unknown option '${word}'${didYouMean(word, known)}`;
  }
  const name = rest.find((w) => !w.startsWith('-'));
  if (error.code !== 'commander.excessArguments' || command.commands.length === 0 || name === undefined) return undefined;
  return `unknown command '${name}'${didYouMean(name, command.commands.map((c) => c.name()))}`;
}

/** The status for an error that commander threw: help and version are no errors. */
function usageError(error: CommanderError, command: string, program: Command, words: readonly string[]): CliError | undefined {
  if (error.exitCode === 0 || error.code === 'commander.help') return undefined;
  const name = mistyped(error, program, words);
  if (name !== undefined) return new CliError('E_USAGE', name, `see: tessera ${command ? `${command} ` : ''}--help`);
  const what = error.message.replace(/^error: /, '').replace(/\.$/, '').replace(/\s*\n\s*/g, ' ');
  return new CliError('E_USAGE', what, `see: tessera ${command ? `${command} ` : ''}--help`);
}

/** The commands that run a machine. */
const RUNNERS: ReadonlySet<string> = new Set(['boot', 'run', 'vm', 'bare']);

export async function main(words: string[]): Promise<void> {
  process.exitCode = Exit.ok;
  const program = buildProgram((status) => { process.exitCode = status; }, words[0] === 'completion' ? undefined : words[0]);
  const name = words.find((word) => !word.startsWith('-')) ?? '';
  const command = program.commands.find((c) => c.name() === name);
  const at = words.indexOf(name);
  if (RUNNERS.has(name)) settleEngine(name === 'bare' || name === 'vm');
  const settled = command ? [...words.slice(0, at + 1), ...settleStats(words.slice(at + 1), command, name === 'run')] : words;
  process.stdout.on('error', endWithoutReader);
  try {
    if (words.length === 0) {
      program.outputHelp({ error: true });
      process.exitCode = Exit.usage;
      return;
    }
    if (command && (name === 'vm' || name === 'bare')) refuseQemu(name, words.slice(at + 1), optionsOf(command));
    await program.parseAsync(settled, { from: 'user' });
    tellLostOutput();
  } catch (error) {
    const ours = error instanceof CommanderError ? usageError(error, command?.name() ?? '', program, words) : error;
    if (ours === undefined) return;
    process.exitCode = reportError(ours);
  }
}

/** The options of a command in each of their spellings, and whether they take a value. */
const optionsOf = (command: Command): Map<string, boolean> =>
  new Map(command.options.flatMap(({ long, short, required }) => [long, short].flatMap((word): [string, boolean][] =>
    (word ? [[word, required]] : []))));

/** A reader that has gone (`tessera … | head`) has not got everything: status 1 without a message. */
function endWithoutReader(error: NodeJS.ErrnoException): void {
  process.exit(error.code === 'EPIPE' ? Exit.failure : reportError(fileError('output', 'standard output', error, '', Exit.failure)));
}

/** The same for what was written at once. */
function tellLostOutput(): void {
  const failure = outputFailure();
  if (failure) process.exitCode = reportError(failure);
  else if (outputLost() && process.exitCode === Exit.ok) process.exitCode = Exit.failure;
}
