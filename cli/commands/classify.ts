/** `tessera classify`: classifies instructions for a monitor. */
import { Command } from 'commander';
import { processor } from '../options.ts';

const examples = `
Examples:
  tessera classify                       the processor as the manual wants it
  tessera classify --cpu base,popf       with IA-32's famous hole
  tessera classify --cpu base,no-h --json
Each instruction and each access to a CSR is run in U, S, VS and VU mode, in states that differ in one respect;
its class follows from what it does.
See docs/classify.md.
`;

export function classifyCommand(done: (status: number) => void): Command {
  return new Command('classify').description('sort instructions into privileged, sensitive and innocuous ones, by running them')
    .option('--cpu <model>', 'processor model, as for tessera vm', processor('--cpu'), 'base')
    .option('--json', 'print everything as one JSON object')
    .addHelpText('after', examples)
    .action(async ({ cpu, json }: { cpu: string; json?: boolean }) => {
      const { classifyProcessor } = await import('../classify.ts');
      done(classifyProcessor(cpu, json === true));
    });
}
