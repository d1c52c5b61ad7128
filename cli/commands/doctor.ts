/** `tessera doctor`: what on this computer is missing for what, and how to get it. */
import { Command } from 'commander';

export function doctorCommand(done: (status: number) => void): Command {
  return new Command('doctor')
    .description('say what on this computer is missing for what, and how to get it')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  tessera doctor\n')
    .action(async (options: { json?: boolean }) => done((await import('../doctor.ts')).doctor(options.json)));
}
