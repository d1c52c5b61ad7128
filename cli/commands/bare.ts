/** `tessera bare`: a program, firmware or kernel on the bare machine. */
import { Command } from 'commander';
import { CliError } from '../errors.ts';
import { netHelp } from './net.ts';
import {
  clockOption, count, diskFlag, diskHelp, gdbOption, memorySize, several, withSharedOptions, type SharedOptions
} from '../options.ts';

/** Options as commander passes them. */
interface Given extends SharedOptions {
  isa?: string;
  memory?: number;
  smp: number;
  signature?: string;
  signatureGranularity: number;
  disk?: string[];
  net?: string[];
  kernel?: string;
  initrd?: string;
  append?: string;
  dumpDtb?: string;
  gdb?: number;
  clock?: number;
}

const examples = `
Examples:
  tessera bare program.elf                       from M mode; the exit status comes from tohost or the test finisher
  tessera bare --signature out.sig test.elf      for conformance tests
  tessera bare --kernel images/vmlinuz --initrd images/initramfs.cpio --append console=ttyS0
  tessera bare --gdb 1234 program.elf            and: gdb-multiarch program.elf -ex 'target remote :1234'
  tessera bare --kernel images/vmlinuz --initrd images/initramfs.cpio --append console=ttyS0 --net gateway,pcap=net.pcapng
On a terminal every key goes to the machine; Ctrl-A x leaves.
`;

export function bareCommand(done: (status: number) => void): Command {
  const command = new Command('bare').description('run a program, firmware or kernel on the bare machine, without the microkernel')
    .argument('[file]', 'ELF or raw image, started in M mode')
    .option('--kernel <image>', 'boot this Linux kernel in S mode with the built-in SBI firmware')
    .option('--initrd <file>', 'initial RAM disk for the kernel')
    .option('--append <text>', 'command line for the kernel')
    .option('--dump-dtb <file>', 'write the device tree to this file')
    .option('--isa <text>', 'ISA of the harts, such as rv64gch_sstc')
    .option('--memory <size>', 'RAM (default 128M; 512M with --kernel)', memorySize('--memory'))
    .option('--smp <n>', 'number of harts', count('--smp', 1, 32), 1)
    .option(diskFlag, diskHelp, several)
    .option('--net <kind>', netHelp, several)
    .addOption(clockOption('a terminal, --disk or --net'))
    .option('--no-reboot', 'end the machine when it reboots')
    .option('--signature <file>', 'write begin_signature … end_signature to this file as hexadecimal words')
    .option('--signature-granularity <bytes>', 'bytes of one word of the signature', count('--signature-granularity', 1, 16), 4)
    .addOption(gdbOption());
  return withSharedOptions(command).addHelpText('after', examples)
    .action(async (file: string | undefined, options: Given) => {
      const { runBare } = await import('../bare.ts');
      const { parseDisk } = await import('../disk/disk.ts');
      const { parseNet } = await import('../net.ts');
      const { disk, net, ...rest } = options;
      if (options.trace !== undefined || options.tracePayload || options.traceCompress)
        throw new CliError('E_USAGE', '--trace records the microkernel, and a bare machine has none', 'use tessera vm or tessera run');
      const stats = typeof options.stats === 'string' && options.stats !== '' ? options.stats : options.stats !== undefined;
      done(await runBare({ ...rest, file, stats, disks: (disk ?? []).map(parseDisk), nets: (net ?? []).map(parseNet) }));
    });
}
