/** `tessera run`: one riscv64 Linux program under the Unix server. */
import { Command, Option } from 'commander';
import { CliError } from '../errors.ts';
import { netHelpOfRun } from './net.ts';
import { several, memorySize, withSharedOptions, diskFlag, diskHelp, gdbAtOption, gdbOption } from '../options.ts';
import type { RunOptions } from '../run.ts';

const examples = `
Examples:
  tessera run guests/bin/linux/forktest
  tessera run --rootfs images/rootfs /bin/sh -c 'echo hello | tr a-z A-Z'
  tessera run --rootfs images/rootfs sh          an interactive shell; Ctrl-D leaves it, Ctrl-A x stops the machine
  echo 3 1 2 | tr ' ' '\\n' | tessera run --rootfs images/rootfs sort
The exit status is the program's, or 128 + N when it died of signal N.
`;

/** Reads --clock: seconds since 1970; `host` takes the host's clock now (a recording keeps it). */
function clockTime(text: string): number {
  if (text === 'host') return Math.floor(Date.now() / 1000);
  const seconds = /^\d+$/.test(text) ? Number(text) : Math.floor(Date.parse(text) / 1000);
  if (Number.isSafeInteger(seconds) && seconds >= 0 && seconds < 2 ** 40) return seconds;
  throw new CliError('E_OPTION', `option --clock: '${text}' is no time`, 'write for example --clock 2026-01-01T12:00Z');
}

export function runCommand(done: (status: number) => void): Command {
  const command = new Command('run').description('run one riscv64 Linux program under the Unix server')
    .argument('<program>', "looked up in the guest; a host file that the guest lacks is placed into the guest's /bin")
    .argument('[args...]', 'its arguments, options included')
    .option('--rootfs <dir|tar>', 'root file system: a folder or a tar archive; what the guest writes stays in memory')
    .option('--env <k=v>', 'set an environment variable; may be given several times', several)
    .option('--mount <host:guest[:ro]>', 'show a host folder in the guest; may be given several times', several)
    .option('--net <kind>', netHelpOfRun)
    .option(diskFlag, diskHelp, several)
    .option('--cwd <dir>', 'working directory in the guest')
    .option('--clock <time>',
    "the guest's wall clock at the start: a date such as 2026-01-01T12:00Z, seconds since 1970, or host; host is also the default with a "
      + "terminal, --mount or --net and without --seed",
    clockTime)
    .addOption(new Option('--memory <size>', 'memory of the Unix server and its processes').argParser(memorySize('--memory')).default(512
      * 2 ** 20,
      '512M'))
    .addOption(gdbOption()).addOption(gdbAtOption());
  return withSharedOptions(command).passThroughOptions().addHelpText('after', examples)
    .action(async (program: string, args: string[], options: RunOptions) => {
      const { run } = await import('../run.ts');
      done(await run(program, args, options));
    });
}
