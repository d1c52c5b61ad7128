/** `tessera vm`: an operating system in a virtual machine under a vmm. */
import { Command, Option } from 'commander';
import { netHelp } from './net.ts';
import {
  clockOption, count, diskFlag, diskHelp, gdbAtOption, gdbOption, memorySize, names, oneOf, several, withSharedOptions
} from '../options.ts';
import type { VmOptions } from '../vm.ts';

/** As in vmm/options.ts. */
const LEAST_SLICE = 10_000, MOST_SLICE = 1e12;
/** By the names of vmm/options.ts. */
const techniques = ['hardware', 'trap', 'patch', 'pre'] as const,
  MEMORIES = ['twostage', 'shadow'] as const, SHADOWS = ['sync', 'traced'] as const,
  PATCHES = ['breakpoints', 'chained', 'cache', 'stubs'] as const;

const examples = `
Examples:
  tessera vm --kernel guests/bin/minios.bin
  tessera vm --kernel images/vmlinuz --initrd images/initramfs.cpio --append console=ttyS0
  tessera vm --kernel images/vmlinuz --initrd images/initramfs.cpio --append console=ttyS0 --smp 2 --disk disk.img --net gateway
On a terminal every key goes to the virtual machine; Ctrl-A x leaves. Status 0: it powered itself off.
`;

export function vmCommand(done: (status: number) => void): Command {
  const command = new Command('vm').description('boot an operating system in a virtual machine')
    .requiredOption('--kernel <image>', 'Linux Image (also gzip\'d), ELF or raw image')
    .option('--initrd <file>', 'initial RAM disk')
    .option('--append <text>', 'kernel command line', '')
    .addOption(new Option('--memory <size>', 'memory of the virtual machine').argParser(memorySize('--memory')).default(512 * 2 ** 20,
      '512M'))
    .option('--smp <n>', 'number of virtual processors', count('--smp', 1, 8), 1)
    .option(diskFlag, diskHelp, several)
    .option('--net <kind>', netHelp, several)
    .option('--mount <host:tag[:ro]>',
    'a folder of the host as a virtio 9P device; in Linux: mount -t 9p -o trans=virtio,version=9p2000.L TAG /mnt; may be given several '
      + 'times',
    several)
    .addOption(new Option('--console <kind>',
      'device of the terminal: the serial port (ttyS0), or a virtio console (hvc0)').choices(['serial', 'virtio']).default(
      'serial'))
    .addOption(clockOption('a terminal, --mount, --disk or --net'))
    .option('--no-reboot', 'end the machine when the guest reboots')
    .addOption(new Option('--virt <technique>',
      'how guest code runs: hardware (H extension), trap (its kernel in U mode, shadow page tables), patch (the same, its code scanned '
        + 'and patched before it runs), or pre (the same, '
        + 'rewritten when it is loaded)').default(
      'hardware').argParser(oneOf('--virt',
      techniques)))
    .addOption(new Option('--mmu <kind>',
      'what the guest sees as memory: twostage (with hardware), or shadow (with trap, patch, pre)').argParser(oneOf('--mmu',
      MEMORIES)))
    .addOption(new Option('--shadow <way>',
      'update shadow tables at the fences of the guest (sync), or '
        + 'when it writes its tables, which are write-protected (traced)').argParser(oneOf('--shadow',
      SHADOWS)))
    .addOption(new Option('--patch <way>',
      'with patch: each end of a block is a breakpoint (breakpoints), blocks continue into each other (chained), or the monitor also '
        + 'performs the instructions behind a site, from a cache of decoded ones (cache); stubs (the default, also with pre) is chained, '
        + 'and hot instructions do not exit').argParser(oneOf('--patch', PATCHES)))
    .option('--sites <file>', "with pre: the kernel's sensitive instructions, as tessera afterburn lists them")
    .option('--look-ahead',
      'after an exit, also handle the following instructions that would exit: device registers, privileged instructions, traced tables')
    .option('--hole', 'with trap: run the guest although the processor has a sensitive instruction that does not trap (--cpu base,popf)')
    .addOption(new Option('--exits <names>',
      'operations that also exit, or with no- before the name do not: wfi, sret, satp, time, syscall, fault, breakpoint, illegal')
      .argParser(names('--exits')))
    .addOption(new Option('--slice <cycles>',
      'time slice of the virtual processors, where several share a hart: 10000 to 1e12 (default: 10 ms, 1e7)')
      .argParser(count('--slice', LEAST_SLICE, MOST_SLICE)))
    .option('--isa <text>', 'extensions of the guest, such as rv64gc_sstc; instructions of others are illegal')
    .option('--dump-dtb <file>', 'write the device tree to this file')
    .addOption(gdbOption()).addOption(gdbAtOption());
  return withSharedOptions(command).addHelpText('after', examples)
    .action(async (options: VmOptions) => {
      const { vm } = await import('../vm.ts');
      done(await vm(options));
    });
}
