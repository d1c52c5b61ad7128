/**
 * `tessera vm`: an operating system in a virtual machine under a vmm. The virtual machine's console is standard input and output; its disks
 * are files of the host behind block drivers.
 */
import type { Module } from '../index.ts';
import { machineWorld } from '../scenarios/worlds.ts';
import { FileDisk, parseDisk } from './bare/disk.ts';
import type { VmOptions } from './commands/vm.ts';
import { CliError } from './errors.ts';
import { readImage } from './files.ts';
import { boardMemory, endingLine, runSystem } from './session.ts';

export async function vm(options: VmOptions): Promise<number> {
  if (options.net !== undefined) throw new CliError('E_UNSUPPORTED', `option --net: '${options.net}' is no network that this version has`, 'leave --net away');
  const modules: Module[] = [{ name: 'kernel', bytes: readImage('kernel', options.kernel) }];
  if (options.initrd !== undefined) modules.push({ name: 'initrd', bytes: readImage('initrd', options.initrd) });
  const disks = (options.disk ?? []).map((text) => new FileDisk(parseDisk(text)));
  const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true;
  try {
    const { result, system } = await runSystem({
      scenario: machineWorld({
        kernel: 'kernel', initrd: options.initrd === undefined ? undefined : 'initrd', append: options.append, memory: options.memory, smp: options.smp, disks: disks.length,
      }),
      modules, disks, consoles: 1, outputs: { console0: 1 }, input: 'console0', interactive, memoryBytes: boardMemory(options.memory, modules),
    }, options);
    const machine = system.components.get('vm');
    const said = result.ending === 'finished' && machine?.report ? `tessera: E_VM: ${machine.report}\n` : endingLine(result);
    if (result.status !== 0) process.stderr.write(said);
    return result.status;
  } finally {
    for (const disk of disks) disk.close();
  }
}
