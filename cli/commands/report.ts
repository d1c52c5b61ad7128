/** `tessera report`: reports about a system without running it. */
import { Command } from 'commander';

const examples = `
Examples:
  tessera report trust                   the trusted base, counted
  tessera report trust getpid            … and each component of a scenario: what it may, whom it trusts
  tessera report trust my.ts --json
`;

export function reportCommand(done: (status: number) => void): Command {
  const report = new Command('report').description('report on a system without running it');
  report.command('trust').description('lines, rights and dependencies that have to be trusted')
    .argument('[scenario]', 'a scenario file, or a name from scenarios/')
    .option('--json', 'print everything as one JSON object')
    .addHelpText('after', examples)
    .action(async (scenario: string | undefined, { json }: { json?: boolean }) => {
      const { reportTrust } = await import('../trust/trust.ts');
      done(await reportTrust(scenario, json === true));
    });
  return report;
}
