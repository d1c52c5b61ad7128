/**
 * The board's device tree: cpus, memory, chosen, and under /soc the nodes that the factories write for their devices.
 * @spec devicetree 3 (v0.4); devicetree bindings riscv/cpus.yaml
 */
import type { PhysicalMemory } from '../api.ts';
import type { Device } from '../devices/device.ts';
import { type FdtNode, type FdtValue, cells64, node, writeFdt } from '../loader/fdt.ts';
import { type DeviceRow, factories } from './factories.ts';
import { isaExtensions, isaString } from './isa.ts';
import { Phandle, cpu, cpuIntc } from './phandles.ts';
import { UART_BASE } from './virt.ts';

const TIMEBASE_HZ = 10_000_000;
const CACHE_BLOCK = 64;

/** The contents of /chosen for boot software. */
export interface Chosen {
  readonly bootargs?: string;
  readonly initrd?: { readonly start: number; readonly end: number };
  readonly rngSeed?: Uint8Array;
}

export interface TreeInput {
  readonly memory: PhysicalMemory;
  readonly harts: number;
  readonly isa: string;
  /** Harts can translate addresses. */
  readonly translation: boolean;
  readonly devices: readonly { readonly row: DeviceRow; readonly device: Device }[];
  readonly chosen: Chosen;
}

/** The flattened tree. */
export function boardDeviceTree(input: TreeInput): Uint8Array {
  const { memory, harts } = input;
  const root = { '#address-cells': 2, '#size-cells': 2, compatible: 'riscv-virtio', model: 'riscv-virtio,tessera' };
  return writeFdt(
    node('', root, [
      chosenNode(input.chosen),
      node(`memory@${memory.base.toString(16)}`, { device_type: 'memory', reg: cells64(memory.base, memory.size) }),
      node('cpus', { '#address-cells': 1, '#size-cells': 0, 'timebase-frequency': TIMEBASE_HZ }, [
        ...Array.from({ length: harts }, (_, hart) => cpuNode(hart, input)),
        node('cpu-map', {}, [node('cluster0', {}, Array.from({ length: harts }, (_, hart) => node(`core${hart}`, { cpu: cpu(hart) })))]),
      ]),
      ...socNodes(input),
    ]),
  );
}

function chosenNode(chosen: Chosen): FdtNode {
  const props: Record<string, FdtValue> = { 'stdout-path': `/soc/serial@${UART_BASE.toString(16)}` };
  if (chosen.bootargs !== undefined) props['bootargs'] = chosen.bootargs;
  if (chosen.rngSeed !== undefined) props['rng-seed'] = chosen.rngSeed;
  if (chosen.initrd !== undefined) {
    props['linux,initrd-start'] = cells64(chosen.initrd.start);
    props['linux,initrd-end'] = cells64(chosen.initrd.end);
  }
  return node('chosen', props);
}

function cpuNode(hart: number, { isa, translation }: TreeInput): FdtNode {
  const extensions = isaExtensions(isa);
  const blocks: Record<string, FdtValue> = {};
  if (extensions.includes('zicbom')) blocks['riscv,cbom-block-size'] = CACHE_BLOCK;
  if (extensions.includes('zicboz')) blocks['riscv,cboz-block-size'] = CACHE_BLOCK;
  const props: Record<string, FdtValue> = {
    device_type: 'cpu',
    reg: hart,
    status: 'okay',
    compatible: 'riscv',
    'riscv,isa': isaString(extensions),
    'riscv,isa-base': 'rv64i',
    'riscv,isa-extensions': extensions,
    ...blocks,
    'mmu-type': translation ? 'riscv,sv57' : 'riscv,none',
    phandle: cpu(hart),
  };
  const intc = { compatible: 'riscv,cpu-intc', 'interrupt-controller': true, '#interrupt-cells': 1, phandle: cpuIntc(hart) } as const;
  return node(`cpu@${hart.toString(16)}`, props, [node('interrupt-controller', intc)]);
}

/** Nodes with registers go under /soc, the others (poweroff, reboot) beside it. */
function socNodes(input: TreeInput): FdtNode[] {
  const nodes = input.devices.flatMap(({ row, device }) => factories[row.compatible].node(row, device, input.harts));
  const soc = { '#address-cells': 2, '#size-cells': 2, compatible: 'simple-bus', ranges: true, 'interrupt-parent': Phandle.PLIC } as const;
  return [node('soc', soc, nodes.filter((n) => 'reg' in n.props)), ...nodes.filter((n) => !('reg' in n.props))];
}
