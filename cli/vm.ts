/**
 * `tessera vm`: an operating system in a virtual machine under a vmm. The virtual machine's console is standard input and output; its disks
 * are files of the host behind block drivers.
 */
import type { Module } from '../index.ts';
import { machineWorld } from '../scenarios/worlds.ts';
import { loadInitrd, loadKernel, loadTree } from '../vmm/loaders/load.ts';
import { GuestRam, RAM_BASE, type RamAccess } from '../vmm/ram.ts';
import { FileDisk, parseDisk } from './bare/disk.ts';
import type { VmOptions } from './commands/vm.ts';
import { CliError } from './errors.ts';
import { readImage } from './files.ts';
import { boardMemory, endingLine, runSystem } from './session.ts';

export async function vm(options: VmOptions): Promise<number> {
  if (options.net !== undefined) throw new CliError('E_UNSUPPORTED', `option --net: '${options.net}' is no network that this version has`, 'leave --net away');
  const modules: Module[] = [{ name: 'kernel', bytes: readImage('kernel', options.kernel) }];
  if (options.initrd !== undefined) modules.push({ name: 'initrd', bytes: readImage('initrd', options.initrd) });
  checkImages(options, modules);
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

/** Memory that takes everything and holds nothing: the vmm's loaders are asked whether the images fit before a system is started for them. */
const nowhere: RamAccess = {
  u8: () => 0, u16: () => 0, u32: () => 0, setU8: () => {}, setU16: () => {}, setU32: () => {}, read: () => new Uint8Array(0), write: () => {}, fill: () => {},
  view: () => undefined, writable: () => undefined,
};

function checkImages(options: VmOptions, [kernel, initrd]: Module[]): void {
  const ram = new GuestRam(nowhere, RAM_BASE, options.memory);
  const must = <T>(role: string, path: string, answer: { ok: true; value: T } | { ok: false; error: string }): T => {
    if (answer.ok) return answer.value;
    throw new CliError(/memory|fit/.test(answer.error) ? 'E_MEMORY' : 'E_FORMAT', `${role} '${path}' ${answer.error}`);
  };
  const placed = must('kernel', options.kernel, loadKernel(ram, kernel.bytes));
  must('kernel', options.kernel, loadTree(ram, new Uint8Array(0), placed));
  if (initrd) must('initrd', options.initrd ?? '', loadInitrd(ram, initrd.bytes, placed));
}
