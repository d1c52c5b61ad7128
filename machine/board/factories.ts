/** Device factories, found by `compatible`: each creates a device and writes its device-tree node, which a comment shows. */
import { type Ending, TestFinisher } from '../../hardware/chips/finisher.ts';
import { GoldfishRtc } from '../../hardware/chips/goldfish-rtc.ts';
import { Plic } from '../../hardware/chips/plic.ts';
import type { SeededRandom } from '../../hardware/chips/random.ts';
import { Uart16550 } from '../../hardware/chips/uart16550.ts';
import { EmptyVirtioSlot, VirtioMmio } from '../../hardware/chips/virtio/mmio.ts';
import type { VirtioModel } from '../../hardware/chips/virtio/model.ts';
import { EventAlarm } from '../devices/alarm.ts';
import { Clint } from '../devices/clint.ts';
import type { BlockBackend, CharBackend, Device, DeviceContext } from '../devices/device.ts';
import { Sswi } from '../devices/sswi.ts';
import { HartIrq, type HartWires, type TickClock } from '../devices/wires.ts';
import { type FdtNode, type FdtValue, cells64, node } from '../loader/fdt.ts';
import { Phandle, cpuIntc } from './phandles.ts';

/** Interrupt sources 1 … 95, as on QEMU's board. */
const PLIC_SOURCES = 96;

/** The board's PLIC: even contexts are M mode, odd ones S mode; behind them are those of guests, some for each hart. */
export function plicOf(wires: HartWires): Plic {
  const { count, guestLines } = wires;
  return new Plic(count, PLIC_SOURCES, (context, level) => {
    const guest = context - 2 * count;
    if (guest >= 0) wires.driveGuest(Math.floor(guest / guestLines), 1 + guest % guestLines, level);
    else wires.drive(context >> 1, (context & 1) === 0 ? HartIrq.MEI : HartIrq.SEI, level);
  }, count * guestLines);
}

/** One device of a board. */
export interface DeviceRow {
  readonly compatible: string;
  readonly base: number;
  /** Source number at the PLIC; absent for devices without an interrupt. */
  readonly irq?: number;
}

/** Everything from outside: backends, the seed, the start time. */
export interface Outside {
  readonly console: CharBackend;
  readonly disks: readonly BlockBackend[];
  readonly random: SeededRandom;
  /** The real-time clock at the start, in milliseconds since 1970. */
  readonly startMs: number;
}

/** What a factory may use. */
export interface Parts extends DeviceContext {
  readonly wires: HartWires;
  readonly clock: TickClock;
  readonly plic: Plic;
  readonly outside: Outside;
  /** Takes the next virtio model that waits for a slot. */
  nextVirtio(): VirtioModel | undefined;
}

export interface Factory {
  create(parts: Parts): Device;
  node(row: DeviceRow, device: Device, harts: number): FdtNode[];
}

/** test@100000, with the nodes that tell kernels how to power off and reboot through it. */
const finisher: Factory = {
  create: (parts) => new TestFinisher((how) => parts.stop(stopOf(how))),
  node: (row, device) => [
    deviceNode('test', row, device, { compatible: ['sifive,test1', 'sifive,test0', 'syscon'], phandle: Phandle.FINISHER }),
    node('poweroff', { compatible: 'syscon-poweroff', value: 0x5555, offset: 0, regmap: Phandle.FINISHER }),
    node('reboot', { compatible: 'syscon-reboot', value: 0x7777, offset: 0, regmap: Phandle.FINISHER }),
  ],
};

/** A failure with code 0 is still a failure. */
function stopOf(how: Ending): Parameters<DeviceContext['stop']>[0] {
  if (how.kind === 'failure') return { kind: 'poweroff', code: how.code || 1 };
  return { kind: how.kind === 'reboot' ? 'reset' : 'poweroff', code: 0 };
}

/** rtc@101000 { compatible = "google,goldfish-rtc"; interrupts = <11>; } */
const rtc: Factory = {
  create: (parts) => new GoldfishRtc(new EventAlarm(parts.events), parts.irq(), parts.outside.startMs),
  node: (row, device) => [deviceNode('rtc', row, device, { compatible: row.compatible })],
};

/** clint@2000000 { interrupts-extended = <&cpu0 3 &cpu0 7 …>; } */
const clint: Factory = {
  create: (parts) => new Clint(parts.wires, parts.events, parts.clock),
  node: (row, device, harts) => [
    deviceNode('clint', row, device, { compatible: ['sifive,clint0', 'riscv,clint0'], 'interrupts-extended': perHart(harts, [3, 7]) }),
  ],
};

/** sswi@2f00000 { interrupts-extended = <&cpu0 1 …>; } */
const sswi: Factory = {
  create: (parts) => new Sswi(parts.wires),
  node: (row, device, harts) => [
    deviceNode('sswi', row, device, {
      compatible: row.compatible, 'interrupt-controller': true, '#interrupt-cells': 0, 'interrupts-extended': perHart(harts, [1])
    }),
  ],
};

/** plic@c000000 { interrupts-extended = <&cpu0 11 &cpu0 9 …>; riscv,ndev = <95>; } */
const plic: Factory = {
  create: (parts) => parts.plic,
  node: (row, device, harts) => [
    deviceNode('plic', row, device, {
      compatible: ['sifive,plic-1.0.0', 'riscv,plic0'],
      'interrupt-controller': true,
      '#interrupt-cells': 1,
      '#address-cells': 0,
      'riscv,ndev': PLIC_SOURCES - 1,
      'interrupts-extended': perHart(harts, [11, 9]),
      phandle: Phandle.PLIC,
    }),
  ],
};

/** serial@10000000 { compatible = "ns16550a"; clock-frequency = <3686400>; interrupts = <10>; } */
const uart: Factory = {
  create: (parts) => new Uart16550(parts.outside.console, parts.irq()),
  node: (row, device) => [deviceNode('serial', row, device, { compatible: row.compatible, 'clock-frequency': 3_686_400 })],
};

/** virtio_mmio@10001000 { compatible = "virtio,mmio"; interrupts = <1>; } */
const virtio: Factory = {
  create: (parts) => {
    const model = parts.nextVirtio();
    return model === undefined ? new EmptyVirtioSlot() : new VirtioMmio(model, parts.memory, parts.irq());
  },
  node: (row, device) => [deviceNode('virtio_mmio', row, device, { compatible: row.compatible })],
};

export const factories: Readonly<Record<string, Factory>> = {
  'sifive,test1': finisher,
  'google,goldfish-rtc': rtc,
  'sifive,clint0': clint,
  'riscv,aclint-sswi': sswi,
  'sifive,plic-1.0.0': plic,
  ns16550a: uart,
  'virtio,mmio': virtio,
};

function deviceNode(name: string, row: DeviceRow, device: Device, props: Record<string, FdtValue>): FdtNode {
  const interrupt: Record<string, FdtValue> = row.irq === undefined ? {} : { interrupts: row.irq, 'interrupt-parent': Phandle.PLIC };
  return node(`${name}@${row.base.toString(16)}`, { reg: cells64(row.base, device.size), ...interrupt, ...props });
}

function perHart(harts: number, irqs: readonly number[]): number[] {
  return Array.from({ length: harts }, (_, hart) => irqs.flatMap((irq) => [cpuIntc(hart), irq])).flat();
}
