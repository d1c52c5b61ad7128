/** `tessera new`: creates a working folder to start from. */
import { Command } from 'commander';

const KINDS = ['scenario', 'native', 'lab'] as const;

export function newCommand(done: (status: number) => void): Command {
  return new Command('new').description('create a working folder, with types, for a scenario, a native program, or a lab')
    .argument('<kind>', KINDS.join(', ')).argument('<name>', 'becomes the folder')
    .addHelpText('after', `
Examples:
  tessera new scenario hello     two tasks and one capability; tessera boot hello/hello.ts
  tessera new native counter     a RISC-V program in C that uses the kernel itself; make -C counter
  tessera new lab locks          a lab with page, starter, solution and grader
`)
    .action(async (kind: string, name: string) => done(await (await import('../new.ts')).make(kind, name)));
}
