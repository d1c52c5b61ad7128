/**
 * The board: QEMU's `virt` address map, so that existing kernels and firmware run unchanged.
 *
 *   0x0010_0000  test finisher          0x0c00_0000  PLIC
 *   0x0010_1000  real-time clock  11    0x1000_0000  UART        10
 *   0x0200_0000  CLINT (MSWI, MTIMER)   0x1000_1000  eight virtio-mmio slots  1 … 8
 *   0x02f0_0000  ACLINT SSWI            0x8000_0000  RAM
 */
import type { DeviceRow } from './factories.ts';

export const UART_BASE = 0x1000_0000;
export const UART_IRQ = 10;
export const VIRTIO_BASE = 0x1000_1000;
export const VIRTIO_STRIDE = 0x1000;
export const VIRTIO_SLOTS = 8;

export const virtBoard: readonly DeviceRow[] = [
  { compatible: 'sifive,test1', base: 0x10_0000 },
  { compatible: 'google,goldfish-rtc', base: 0x10_1000, irq: 11 },
  { compatible: 'sifive,clint0', base: 0x200_0000 },
  { compatible: 'riscv,aclint-sswi', base: 0x2f0_0000 },
  { compatible: 'sifive,plic-1.0.0', base: 0xc00_0000 },
  { compatible: 'ns16550a', base: UART_BASE, irq: UART_IRQ },
  ...Array.from({ length: VIRTIO_SLOTS }, (_, n) => ({ compatible: 'virtio,mmio', base: VIRTIO_BASE + n * VIRTIO_STRIDE, irq: 1 + n })),
];
