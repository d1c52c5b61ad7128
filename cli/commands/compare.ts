/** `tessera compare`: one guest under every technique. */
import { Command, Option } from 'commander';
import { count, memorySize, oneOf, processor } from '../options.ts';

const PHASES = ['getpid', 'fault', 'table', 'switch', 'fork', 'exec', 'disk', 'compute', 'interp', 'build'] as const;

const phase = oneOf('--workload', PHASES);

const examples = `
Examples:
  tessera compare --kernel images/vmlinuz --initrd images/initramfs.cpio
  tessera compare --kernel images/vmlinuz --initrd images/initramfs.cpio --workload fork --workload table --svg compare.svg
  tessera compare --kernel images/vmlinuz --initrd images/initramfs.cpio --workload build --sweep exit
  tessera compare --kernel guests/bin/minios.elf --marker put --json
The guest boots natively and under each technique; each time it does the same work, and sees the same at its markers.
`;

interface Options { kernel: string; initrd?: string; append: string; memory: number; cpu: string; workload?: string[]; json?: boolean;
  svg?: string; sweep?: 'exit' | 'slice' | 'assists'; marker?: string[]; walk: number }

export function compareCommand(done: (status: number) => void): Command {
  return new Command('compare').description('run one guest under every technique of virtualization, and print the cost of each')
    .requiredOption('--kernel <image>', 'Linux Image (also gzip\'d)')
    .option('--initrd <file>',
      'initial RAM disk whose init runs $RUN, as that of tessera images does; without one the guest runs unchanged to its end')
    .option('--append <text>', 'kernel command line', 'console=ttyS0')
    .addOption(new Option('--memory <size>', 'memory of the guest').argParser(memorySize('--memory')).default(256 * 2 ** 20, '256M'))
    .option('--cpu <model>', 'processor model, as for tessera vm', processor('--cpu'), 'base')
    .addOption(new Option('--workload <name>', 'work of the guest after its boot; may be given several times (default: all)')
      .argParser((name: string, before: string[] | undefined) => [...(before ?? []), phase(name)]))
    .addOption(new Option('--sweep <what>',
      'exit: the H extension with and without look-ahead, on six processors by their price of an exit; slice: the H extension and '
        + 'trap, beside a guest that computes, with time slices from 0.1 to 100 ms; assists: the H extension on processors that lack an '
        + 'assist')
      .argParser(oneOf('--sweep', ['exit', 'slice', 'assists'] as const)))
    .addOption(new Option('--marker <function>', 'of the kernel: each time the guest calls it, its registers and memory are compared with '
      + 'those natively; may be given several times').argParser((name: string, before: string[] | undefined) => [...(before ?? []), name]))
    .addOption(new Option('--walk <cycles>', 'what reading an entry of a page table would cost, for time elongation; the machine itself '
      + 'charges nothing').argParser(count('--walk', 0, 10_000)).default(10))
    .option('--json', 'print everything as one JSON object')
    .option('--svg <file>', 'file for a picture: times native, on a logarithmic scale')
    .addHelpText('after', examples)
    .action(async (options: Options) => {
      const { compare } = await import('../compare/compare.ts');
      done(await compare(options));
    });
}
