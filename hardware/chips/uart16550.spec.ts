import { expect, test } from 'vitest';
import { TestLine, TestTerminal } from './testing.ts';
import { Uart16550 } from './uart16550.ts';

function setup(): { uart: Uart16550; terminal: TestTerminal; irq: TestLine } {
  const terminal = new TestTerminal();
  const irq = new TestLine();
  return { uart: new Uart16550(terminal, irq), terminal, irq };
}

test('what is written to THR goes out, and the transmitter is always empty', () => {
  const { uart, terminal } = setup();
  for (const text of 'hi') uart.write(0, text.charCodeAt(0));
  expect(terminal.text).toBe('hi');
  expect(uart.read(5)).toBe(0x60);
});

test('input raises the received-data interrupt at the trigger level, the timeout below it', () => {
  const { uart, terminal, irq } = setup();
  uart.write(2, 0x41); // FIFOs on, trigger at 4
  uart.write(1, 1);
  terminal.type('abc');
  expect([irq.level, uart.read(2)]).toEqual([true, 0xcc]);
  terminal.type('d');
  expect(uart.read(2)).toBe(0xc4);
  expect([0, 0, 0, 0].map(() => uart.read(0))).toEqual([97, 98, 99, 100]);
  expect([irq.level, uart.read(2), uart.read(5) & 1]).toEqual([false, 0xc1, 0]);
});

test('more input than the FIFO holds waits outside and is not lost', () => {
  const { uart, terminal } = setup();
  uart.write(2, 1);
  terminal.type('0123456789abcdefghij');
  uart.write(1, 1);
  let text = '';
  while ((uart.read(5) & 1) !== 0) text += String.fromCharCode(uart.read(0));
  expect(text).toBe('0123456789abcdefghij');
});

test('the transmitter-empty interrupt comes on enabling it and after each byte, and reading IIR clears it', () => {
  const { uart, irq } = setup();
  uart.write(1, 2);
  expect(irq.level).toBe(true);
  expect(uart.read(2)).toBe(2);
  expect([irq.level, uart.read(2)]).toEqual([false, 1]);
  uart.write(0, 65);
  expect(irq.level).toBe(true);
});

test('for a driver that never reads IIR, reading LSR ends the transmitter-empty interrupt: xv6 would drown in it', () => {
  const { uart, irq } = setup();
  uart.write(1, 3);
  uart.write(0, 65);
  uart.read(5);
  expect(irq.level).toBe(false);
  uart.write(0, 66);
  uart.read(2);
  uart.write(0, 67);
  uart.read(5);
  expect(irq.level).toBe(true);
});

test('DLAB turns data and IER into the divisor', () => {
  const { uart, terminal } = setup();
  uart.write(3, 0x83);
  uart.write(0, 0x0c);
  uart.write(1, 0x01);
  expect([uart.read(0), uart.read(1)]).toEqual([0x0c, 0x01]);
  uart.write(3, 3);
  expect([uart.read(1), terminal.text]).toEqual([0, '']);
});

test('loopback returns bytes and modem lines, and nothing goes out', () => {
  const { uart, terminal } = setup();
  uart.write(4, 0x1a); // loop, OUT2, RTS
  expect(uart.read(6) & 0xf0).toBe(0x90);
  uart.write(0, 0x55);
  expect([uart.read(5) & 1, uart.read(0), terminal.text]).toEqual([1, 0x55, '']);
});

test('what is typed before the driver starts survives its clearing of the FIFO; polling LSR listens too', () => {
  const { uart, terminal } = setup();
  terminal.type('early');
  uart.write(2, 7);
  expect([uart.read(5) & 1, uart.read(0)]).toEqual([0, 0]);
  for (let poll = 1; poll < 16; poll++) expect(uart.read(5) & 1).toBe(0);
  expect(uart.read(5) & 1).toBe(1);
  expect(uart.read(0)).toBe('e'.charCodeAt(0));
});

test('clearing the FIFO drops what the driver could have seen, and nothing else', () => {
  const { uart, terminal } = setup();
  terminal.type('ab');
  uart.write(1, 1); // takes one byte: the FIFO is off
  uart.write(2, 1);
  expect([uart.read(5) & 1, uart.read(0)]).toEqual([1, 97]);
  uart.read(5);
  uart.write(2, 3);
  expect(uart.read(5) & 1).toBe(0);
});

test('a break in loopback comes in as a zero with its mark, which interrupts as line status until read', () => {
  const { uart } = setup();
  uart.write(2, 1);
  uart.write(1, 4);
  uart.write(4, 0x10);
  uart.write(3, 0x43);
  expect([uart.read(2) & 15, uart.read(5), uart.read(5) & 0x91, uart.read(0)]).toEqual([6, 0xf1, 1, 0]);
  uart.write(4, 0);
  uart.write(3, 3);
  uart.write(3, 0x43);
  expect(uart.read(5) & 0x11).toBe(0);
});
