/** `tessera run`: one riscv64 Linux program under the Unix server. */
import { Command, Option } from 'commander';
import { netHelpOfRun } from './net.ts';
import { clockOption, several, memorySize, withSharedOptions, diskFlag, diskHelp, gdbAtOption, gdbOption } from '../options.ts';
import type { RunOptions } from '../run.ts';

const examples = `
Examples:
  tessera run guests/bin/linux/forktest
  tessera run --rootfs images/rootfs /bin/sh -c 'echo hello | tr a-z A-Z'
  tessera run --rootfs images/rootfs sh          an interactive shell; Ctrl-D leaves it, Ctrl-A x stops the machine
  echo 3 1 2 | tr ' ' '\\n' | tessera run --rootfs images/rootfs sort
The exit status is the program's, or 128 + N when it died of signal N.
`;

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
    .addOption(clockOption('a terminal, --mount, --disk or --net'))
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
