import { expect, it } from 'vitest';
import { Plic } from '../../hardware/chips/plic.ts';
import { TestLine, TestTerminal } from '../../hardware/chips/testing.ts';
import { Uart16550 } from '../../hardware/chips/uart16550.ts';
import { Bus } from './bus.ts';

it('finds its device on the bus, or nobody', () => {
  const bus = new Bus(), uart = new Uart16550(new TestTerminal(), new TestLine()), plic = new Plic(1, 64, () => {});
  bus.attach(0x1000_0000, uart);
  bus.attach(0xc00_0000, plic);
  expect(bus.find(0x1000_0005, 1)?.device).toBe(uart);
  expect(bus.find(0xc20_1004, 4)?.device).toBe(plic);
  expect([bus.find(0x1000_00ff, 4), bus.find(0, 1)]).toEqual([undefined, undefined]);
  expect(() => bus.attach(0x1000_0080, uart)).toThrow(/overlaps/);
});
