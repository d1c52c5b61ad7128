/** Names for a trace: the device windows of a VM with these options, and their registers, from the rows that build it. */
import { RtcReg } from '../hardware/chips/goldfish-rtc.ts';
import { UartReg } from '../hardware/chips/uart16550.ts';
import { Reg as VirtioReg } from '../hardware/chips/virtio/layout.ts';
import { SOURCES, rowsWith } from './board.ts';
import type { Options } from './options.ts';

export interface Window {
  readonly name: string;
  readonly base: number;
  readonly size: number;
  readonly registers: Readonly<Record<number, string>>
}

/** QUEUE_SEL at 0x30 → 0x30: queueSel. */
const named = (registers: Readonly<Record<string, number>>): Record<number, string> =>
  Object.fromEntries(Object.entries(registers).map(([name, offset]) => [
    offset, name.toLowerCase().replace(/_(.)/g, (_, c: string) => c.toUpperCase())
  ]));

/** Registers of the interrupt controller's first `CONTEXTS` contexts by name. */
const CONTEXTS = 32;
const plic = Object.fromEntries([
  ...Array.from({ length: SOURCES }, (_, s) => [4 * s, `priority[${s}]`] as const), [0x1000, 'pending'],
  ...Array.from({ length: CONTEXTS },
    (_, context) =>
      [
        [0x2000 + 0x80 * context, `enable[${context}]`], [0x20_0000 + 0x1000 * context, `threshold[${context}]`],
        [0x20_0004 + 0x1000 * context, `claim[${context}]`]
      ] as const).flat(),
]);
const chips: Readonly<Record<string, { name: string; size: number; registers: Record<number, string> }>> = {
  'sifive,test1': { name: 'finisher', size: 0x1000, registers: { 0: 'finish' } },
  'google,goldfish-rtc': { name: 'rtc', size: 0x1000, registers: named(RtcReg) },
  'sifive,plic-1.0.0': { name: 'plic', size: 0x60_0000, registers: plic },
  ns16550a: { name: 'serial', size: 0x100, registers: named(UartReg) },
};

/** Names of the virtio devices in the order of their windows. */
export const virtioNames = (options: Pick<Options, 'disks' | 'virtioConsole' | 'nets' | 'folders'>): string[] => [
  ...options.disks.map((_, i) => `disk${i}`), 'entropy', ...(options.virtioConsole ? ['virtio-console'] : []),
  ...options.nets.map((_, i) => `net${i}`), ...options.folders.map((_, i) => `folder${i}`)
];

export function windowsOf(options: Pick<Options, 'disks' | 'virtioConsole' | 'nets' | 'folders'>): Window[] {
  const names = virtioNames(options);
  return rowsWith(names.length).map((row) => {
    const chip = chips[row.compatible];
    return chip ? { ...chip, base: row.base } : { name: names.shift()!, base: row.base, size: 0x1000, registers: named(VirtioReg) };
  });
}
