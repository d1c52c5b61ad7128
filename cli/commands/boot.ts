/** `tessera boot`: a boot scenario, ours by name or the user's by path. */
import { Command } from 'commander';
import { withSharedOptions, type SharedOptions } from '../options.ts';

const examples = `
Examples:
  tessera boot two-worlds
  tessera boot my-scenario.ts --until "login:"
  tessera boot getpid --view                     looks at the trace while it runs
  tessera boot --list                            lists the scenarios that are here
`;

export function bootCommand(done: (status: number) => void): Command {
  const command = new Command('boot').description('boot a scenario: a file, or a name from scenarios/')
    .argument('[scenario]', 'a .ts file, or a name; without it, a list of names')
    .option('--list', 'list the scenarios that are here, with what each one shows')
    .option('--json', 'the list as JSON')
    .option('--types', 'check the types of the file first')
    .option('--view', 'look at the trace on the terminal while the system runs');
  return withSharedOptions(command).addHelpText('after', examples)
    .action(async (name: string | undefined, options: SharedOptions & { list?: boolean; view?: boolean; types?: boolean; json?: boolean }) => {
      const { boot, listScenarios } = await import('../boot.ts');
      if (name === undefined || options.list) done(await listScenarios(options.json));
      else done(options.view ? await (await import('../boot-view.ts')).bootView(options) : await boot(name, options));
    });
}
