/** `tessera doctor`: what on this computer is missing for what, and how to get it. */
import { Command } from 'commander';

export function doctorCommand(done: (status: number) => void): Command {
  return new Command('doctor')
    .description('say what on this computer is missing for what, and how to get it')
    .addHelpText('after', '\nExample:\n  tessera doctor\n')
    .action(async () => done((await import('../doctor.ts')).doctor()));
}
