/** `tessera doctor`: checks this computer for missing tools and says how to install them. */
import { Command } from 'commander';

export function doctorCommand(done: (status: number) => void): Command {
  return new Command('doctor')
    .description('check this computer for missing tools and say how to install them')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  tessera doctor\n')
    .action(async (options: { json?: boolean }) => done((await import('../doctor.ts')).doctor(options.json)));
}
