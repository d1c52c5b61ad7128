/** `tessera boot`: a boot scenario, one of Tessera's by name or the user's by path. */
import { Command, Option } from 'commander';
import { CliError } from '../errors.ts';
import { withSharedOptions, type SharedOptions, gdbAtOption } from '../options.ts';

const examples = `
Examples:
  tessera boot two-worlds
  tessera boot my-scenario.ts --until "login:"
  tessera boot getpid --view                     looks at the trace while it runs
  tessera boot alien --set policy=off            the same run with a parameter changed (--list names them)
  tessera boot --list                            lists the scenarios that are here
`;

export interface Debugged { readonly components: readonly string[]; readonly port: number }

function debugged(text: string): Debugged {
  const [, components, port = '1234'] = /^([a-z][a-z0-9-]*(?:,[a-z][a-z0-9-]*)*)(?::(\d+))?$/.exec(text) ?? [];
  if (components === undefined || Number(port) > 65535)
    throw new CliError('E_OPTION', `option --gdb: '${text}' is no COMPONENT[,COMPONENT…][:PORT]`,
    'write for example --gdb linux:1234, or --gdb vm,linux:1234 for both at once');
  return { components: components.split(','), port: Number(port) };
}

export function bootCommand(done: (status: number) => void): Command {
  const command = new Command('boot').description('boot a scenario: a file, or a name from scenarios/')
    .argument('[scenario]', 'a .ts file, or a name; without it, a list of names')
    .option('--list', 'list the scenarios that are here, with what each one shows')
    .option('--json', 'print the list as JSON')
    .option('--set <key=value>', 'set a parameter of the scenario; may be given several times',
      (text: string, all: string[] | undefined) => [...(all ?? []), text])
    .addOption(new Option('--gdb <component[,component…][:port]>',
      'wait for GDB on a port of this computer (1234), to debug native components, the processes of a Unix server, or the guest of a '
        + 'monitor, several at once (or: all)').argParser(debugged))
    .addOption(gdbAtOption())
    .option('--caps [component]',
      'print at the end the initial capabilities of every component (or of this one) next to the list of the scenario; '
        + 'status 1 where they differ')
    .option('--maps <component>',
      'print at the end the memory layout of the task of this component, and of the tasks of its processes or its guest')
    .option('--types', 'check the types of the file first')
    .option('--view', 'show the trace on the terminal while the system runs');
  return withSharedOptions(command).addHelpText('after', examples)
    .action(async (name: string | undefined, options: SharedOptions & { list?: boolean; view?: boolean; types?: boolean; json?: boolean;
      set?: string[]; gdb?: Debugged; gdbAt?: number; caps?: string | true; maps?: string }) => {
      const { boot, listScenarios } = await import('../boot.ts');
      if (name === undefined || options.list) done(await listScenarios(options.json));
      else done(options.view ? await (await import('../boot-view.ts')).bootView(options) : await boot(name, options));
    });
}
