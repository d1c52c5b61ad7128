/**
 * The VM's machine: a list of devices at the addresses of QEMU's `virt` board, and a factory for each kind, found by `compatible`.
 * A factory makes the device and writes its node of the device tree, shown in the comment above it.
 */
import type { Chip } from '../hardware/chips/chip.ts';
import { type Ending, TestFinisher } from '../hardware/chips/finisher.ts';
import { GoldfishRtc } from '../hardware/chips/goldfish-rtc.ts';
import type { Plic } from '../hardware/chips/plic.ts';
import type { Alarm, CharPort } from '../hardware/chips/ports.ts';
import { Uart16550 } from '../hardware/chips/uart16550.ts';
import { VirtioMmio } from '../hardware/chips/virtio/mmio.ts';
import type { VirtioModel } from '../hardware/chips/virtio/model.ts';
import { Bus } from './devices/bus.ts';
import { PortalBell } from './devices/portals.ts';
import { type Node, type Value, node, u64s } from './fdt.ts';
import type { Portals } from './portals.ts';
import type { GuestRam } from './ram.ts';

/** Interrupt sources of the PLIC: 1 … 63. */
export const SOURCES = 64;

export interface BoardDevice { readonly compatible: string; readonly base: number; readonly irq: number }

/** Numbers by which nodes refer to each other. */
export const Phandle = { plic: 1, finisher: 2, firstCpu: 16 } as const;
const MODE_M_EXTERNAL = 11, MODE_S_EXTERNAL = 9;
const VIRTIO_BASE = 0x1000_1000, VIRTIO_STRIDE = 0x1000, CLOCK_HZ = 3_686_400;

/** Devices without the virtio ones, which follow from 0x1000_1000 on with interrupts 1, 2, … */
export const virtRows: readonly BoardDevice[] = [
  { compatible: 'sifive,test1', base: 0x10_0000, irq: 0 },
  { compatible: 'google,goldfish-rtc', base: 0x10_1000, irq: 11 },
  { compatible: 'sifive,plic-1.0.0', base: 0xc00_0000, irq: 0 },
  { compatible: 'ns16550a', base: 0x1000_0000, irq: 10 },
];
const PORTALS: BoardDevice = { compatible: 'tessera,portals', base: 0x1020_0000, irq: 0 };
export const rowsWith = (virtioDevices: number, portals = false): readonly BoardDevice[] => [
  ...(portals ? [PORTALS] : []),
  ...virtRows,
  ...Array.from({ length: virtioDevices }, (_, i) => ({ compatible: 'virtio,mmio', base: VIRTIO_BASE + i * VIRTIO_STRIDE, irq: 1 + i })),
];

/** The environment for factories. */
export interface Parts {
  readonly ram: GuestRam;
  readonly plic: Plic;
  readonly console: CharPort;
  readonly clock: Alarm;
  readonly date: number;
  readonly portals: Portals | undefined;
  end(how: Ending): void;
}

interface Factory {
  /** `models`: virtio models without a window yet; a factory takes the first. */
  create(parts: Parts, row: BoardDevice, models: VirtioModel[]): Chip;
  nodes(row: BoardDevice, vcpus: number): readonly Node[];
}

const at = (row: BoardDevice): string => row.base.toString(16);
const device = (name: string, row: BoardDevice, size: number, props: Record<string, Value>): Node =>
  node(`${name}@${at(row)}`, {
    ...props, reg: u64s(row.base, size), ...(row.irq ? { interrupts: row.irq, 'interrupt-parent': Phandle.plic } : {})
  });

/** test@100000 { compatible = "sifive,test1", "syscon"; }  and  poweroff, reboot { regmap = <&test>; value = …; } */
const finisher: Factory = {
  create: (parts) => new TestFinisher((how) => parts.end(how)),
  nodes: (row) => [
    device('test', row, 0x1000, { compatible: ['sifive,test1', 'sifive,test0', 'syscon'], phandle: Phandle.finisher }),
    node('poweroff', { compatible: 'syscon-poweroff', regmap: Phandle.finisher, offset: 0, value: 0x5555 }),
    node('reboot', { compatible: 'syscon-reboot', regmap: Phandle.finisher, offset: 0, value: 0x7777 }),
  ],
};

/** rtc@101000 { compatible = "google,goldfish-rtc"; interrupts = <11>; } */
const rtc: Factory = {
  create: (parts, row) => new GoldfishRtc(parts.clock, parts.plic.line(row.irq), parts.date),
  nodes: (row) => [device('rtc', row, 0x1000, { compatible: row.compatible })],
};

/** plic@c000000 { interrupts-extended = <&cpu0_intc 11 &cpu0_intc 9 …>; riscv,ndev = <63>; } */
const plic: Factory = {
  create: (parts) => parts.plic,
  nodes: (row, vcpus) => [device('plic', row, 0x60_0000, {
    compatible: ['sifive,plic-1.0.0', 'riscv,plic0'], 'interrupt-controller': true, '#interrupt-cells': 1, '#address-cells': 0,
    'riscv,ndev': SOURCES - 1,
    'interrupts-extended': Array.from({ length: vcpus }, (_, i) => [intcOf(i), MODE_M_EXTERNAL, intcOf(i), MODE_S_EXTERNAL]).flat(),
    phandle: Phandle.plic,
  })],
};

/** serial@10000000 { compatible = "ns16550a"; clock-frequency = <3686400>; interrupts = <10>; } */
const serial: Factory = {
  create: (parts, row) => new Uart16550(parts.console, parts.plic.line(row.irq)),
  nodes: (row) => [device('serial', row, 0x100, { compatible: row.compatible, 'clock-frequency': CLOCK_HZ })],
};

/** virtio_mmio@10001000 { compatible = "virtio,mmio"; interrupts = <1>; } */
const virtio: Factory = {
  create: (parts, row, models) => {
    const model = models.shift();
    if (!model) throw new Error(`no virtio device is left for 0x${at(row)}`);
    return new VirtioMmio(model, parts.ram, parts.plic.line(row.irq));
  },
  nodes: (row) => [device('virtio_mmio', row, 0x1000, { compatible: row.compatible })],
};

/** portals@10200000 { compatible = "tessera,portals"; } */
const portals: Factory = {
  create: (parts) => new PortalBell(parts.portals!),
  nodes: (row) => [device('portals', row, 0x1000, { compatible: row.compatible })],
};

export const factories: Readonly<Record<string, Factory>> = {
  'sifive,test1': finisher,
  'google,goldfish-rtc': rtc,
  'sifive,plic-1.0.0': plic,
  ns16550a: serial,
  'virtio,mmio': virtio,
  'tessera,portals': portals,
};

/** The interrupt controller inside a vCPU, and the vCPU itself. */
export const intcOf = (vcpu: number): number => Phandle.firstCpu + 2 * vcpu;
export const cpuOf = (vcpu: number): number => Phandle.firstCpu + 2 * vcpu + 1;

/** Builds the devices of `rows` onto a bus. */
export function buildBus(rows: readonly BoardDevice[], parts: Parts, models: readonly VirtioModel[]): Bus {
  const bus = new Bus(), waiting = [...models];
  for (const row of rows) bus.attach(row.base, factories[row.compatible].create(parts, row, waiting));
  return bus;
}
