/** `tessera boot`: a boot scenario, ours by name or the user's by path. */
import { Command } from 'commander';
import { withSharedOptions, type SharedOptions } from '../options.ts';

const examples = `
Examples:
  tessera boot two-worlds
  tessera boot my-scenario.ts --until "login:"
  tessera boot                                   lists the scenarios that are here
`;

export function bootCommand(done: (status: number) => void): Command {
  const command = new Command('boot').description('boot a scenario: a file, or a name from scenarios/')
    .argument('[scenario]', 'a .ts file, or a name; without it, a list of names');
  return withSharedOptions(command).addHelpText('after', examples)
    .action(async (name: string | undefined, options: SharedOptions) => {
      const { boot, listScenarios } = await import('../boot.ts');
      done(name === undefined ? await listScenarios() : await boot(name, options));
    });
}
