/** `tessera afterburn`: lists the sensitive instructions of a kernel before it runs. */
import { Command } from 'commander';

const examples = `
Examples:
  tessera afterburn images/vmlinuz -o debian.sites
  tessera vm --virt pre --sites debian.sites --cpu base,no-h --kernel images/vmlinuz --initrd images/initramfs.cpio
A line for each: where it stands, its word, and how it is written. Code is followed from every function that the kernel names
(kallsyms, or the symbols of an ELF file). See docs/techniques.md.
`;

export function afterburnCommand(done: (status: number) => void): Command {
  return new Command('afterburn').description('list the sensitive instructions of a kernel, for tessera vm --virt pre')
    .argument('<image>', "Linux Image (also gzip'd) or ELF")
    .option('-o, --output <file>', 'file for the list (default: standard output)')
    .addHelpText('after', examples)
    .action(async (image: string, options: { output?: string }) => {
      const { afterburn } = await import('../afterburn.ts');
      done(afterburn(image, options.output));
    });
}
