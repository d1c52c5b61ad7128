/** The board's devices as the kernel describes them to roottask: the scenarios' names, windows, interrupt lines. */
import type { Board } from '../machine/board/board.ts';
import type { BootInfo } from '../microkernel/abi/index.ts';

/** Names of devices by their kind. Kinds that may occur several times are numbered: disk0, console1. */
const NAMES: Readonly<Record<string, string>> = {
  'sifive,test1': 'finisher', 'google,goldfish-rtc': 'rtc', ns16550a: 'uart',
  'virtio-block': 'disk#', 'virtio-console': 'console#', 'virtio-entropy': 'entropy', 'virtio-net': 'net#', 'virtio-files': 'files#',
};
/** The kernel's own devices, and empty slots. */
const HIDDEN = new Set(['sifive,clint0', 'riscv,aclint-sswi', 'sifive,plic-1.0.0', 'virtio']);

export function deviceList(board: Board): BootInfo['devices'] {
  const seen = new Map<string, number>();
  return board.devices.filter(d => !HIDDEN.has(d.row.compatible) && !HIDDEN.has(d.device.name)).map(({ row, device }) => {
    const name = NAMES[row.compatible] ?? NAMES[device.name] ?? device.name, n = seen.get(name) ?? 0;
    seen.set(name, n + 1);
    return {
      name: name.replace('#', String(n)), compatible: row.compatible === 'virtio,mmio' ? device.name : row.compatible, base: row.base,
      size: Math.max(4096, device.size), irq: row.irq ?? 0
    };
  });
}
