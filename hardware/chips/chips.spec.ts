import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Ending, TestFinisher } from './finisher.ts';
import { GoldfishRtc } from './goldfish-rtc.ts';
import { Plic } from './plic.ts';
import type { CharPort, Line } from './ports.ts';
import { SeededRandom } from './random.ts';
import { TestAlarm } from './testing.ts';
import { Uart16550 } from './uart16550.ts';

class Wire implements Line { level = false; set(level: boolean): void { this.level = level; } }
class Port implements CharPort {
  sent = '';
  waiting: number[] = [];
  #notify: () => void = () => {};
  output(byte: number): void { this.sent += String.fromCharCode(byte); }
  take(max: number): Uint8Array { return Uint8Array.from(this.waiting.splice(0, max)); }
  onInput(notify: () => void): void { this.#notify = notify; }
  type(text: string): void { this.waiting.push(...new TextEncoder().encode(text)); this.#notify(); }
}
const accesses = fc.array(fc.record({
  write: fc.boolean(), offset: fc.nat(0x3fff_ffff), value: fc.nat(0xffff_ffff), size: fc.constantFrom(1, 2, 4)
}),
  { maxLength: 60 });

describe('UART', () => {
  const make = () => { const port = new Port(), line = new Wire(); return { port, line, uart: new Uart16550(port, line) }; };
  it('transmits at once and always says that it is ready', () => {
    const { port, uart } = make();
    uart.write(0, 0x41);
    expect([port.sent, uart.read(5)]).toEqual(['A', 0x60]);
  });
  it('keeps the divisor apart from data while DLAB is set', () => {
    const { port, uart } = make();
    uart.write(3, 0x83); uart.write(0, 0x0c); uart.write(1, 1);
    expect([uart.read(0), uart.read(1)]).toEqual([0x0c, 1]);
    uart.write(3, 3);
    expect([port.sent, uart.read(1)]).toEqual(['', 0]);
  });
  it('interrupts for input until it is read, with the FIFO trigger', () => {
    const { port, line, uart } = make();
    uart.write(2, 0x81); uart.write(1, 1);
    port.type('abc');
    expect([line.level, uart.read(2)]).toEqual([true, 0xcc]);
    port.type('defgh');
    expect(uart.read(2)).toBe(0xc4);
    expect(String.fromCharCode(...Array.from({ length: 8 }, () => uart.read(0)))).toBe('abcdefgh');
    expect([line.level, uart.read(5) & 1]).toEqual([false, 0]);
  });
  it('leaves input outside that has no room', () => {
    const { port, uart } = make();
    uart.write(2, 1); uart.write(1, 1);
    port.type('x'.repeat(40));
    expect(port.waiting.length).toBe(24);
    uart.read(0);
    expect(port.waiting.length).toBe(23);
  });
  it('keeps what is typed before the driver listens, also when that clears the FIFO and reads blindly', () => {
    const { port, uart } = make();
    port.type('early');
    uart.write(2, 7);
    expect([uart.read(5) & 1, uart.read(0)]).toEqual([0, 0]);
    for (let poll = 1; poll < 16; poll++) expect(uart.read(5) & 1).toBe(0);
    expect([uart.read(5) & 1, uart.read(0)]).toEqual([1, 'e'.charCodeAt(0)]);
    uart.write(1, 1); uart.read(5); uart.write(2, 3);
    expect(port.waiting.length).toBe(0);
  });
  it('raises the transmitter interrupt when it is enabled, and takes it back when IIR reports it', () => {
    const { line, uart } = make();
    uart.write(1, 2);
    expect([line.level, uart.read(2), line.level, uart.read(2)]).toEqual([true, 2, false, 1]);
    uart.write(0, 0x41);
    expect(line.level).toBe(true);
  });
  it('loops back', () => {
    const { port, uart } = make();
    uart.write(4, 0x1b); uart.write(0, 0x55);
    expect([uart.read(0), uart.read(6), port.sent]).toEqual([0x55, 0xb0, '']);
  });
});

describe('PLIC', () => {
  const make = (vcpus = 2) => {
    const out: boolean[] = [];
    return { out, plic: new Plic(vcpus, 64, (context, level) => { if (context % 2 === 1) out[context >> 1] = level; }) };
  };
  const enable = (plic: Plic, vcpu: number, source: number, priority = 1): void => {
    plic.write(4 * source, priority, 4);
    plic.write(0x2000 + 0x80 * (2 * vcpu + 1), 1 << source, 4);
  };
  const claim = (vcpu: number): number => 0x20_0004 + 0x1000 * (2 * vcpu + 1);
  it('raises the vCPU that has enabled the source, until it claims', () => {
    const { out, plic } = make();
    enable(plic, 1, 10);
    plic.line(10).set(true);
    expect(out).toEqual([undefined, true]);
    expect([plic.read(claim(0), 4), plic.read(claim(1), 4), out[1]]).toEqual([0, 10, false]);
  });
  it('raises again after completion while the level is high', () => {
    const { out, plic } = make();
    enable(plic, 0, 10);
    plic.line(10).set(true);
    plic.read(claim(0), 4);
    plic.write(claim(0), 10, 4);
    expect(out[0]).toBe(true);
    plic.read(claim(0), 4);
    plic.line(10).set(false);
    plic.write(claim(0), 10, 4);
    expect(out[0]).toBe(false);
  });
  it('gives the highest priority first, the lower number of equals, and none at or below the threshold', () => {
    const { plic } = make(1);
    for (const [source, priority] of [[3, 1], [5, 4], [7, 4]]) plic.write(4 * source, priority, 4);
    plic.write(0x2080, 0xa8, 4);
    for (const source of [3, 5, 7]) plic.line(source).set(true);
    expect([plic.read(claim(0), 4), plic.read(claim(0), 4), plic.read(claim(0), 4), plic.read(claim(0), 4)]).toEqual([5, 7, 3, 0]);
    plic.write(0x20_1000, 9, 4);
    expect(plic.read(0x20_1000, 4)).toBe(1);
  });
});

describe('clock and finisher', () => {
  it('shows the date, can be set, and rings', () => {
    const line = new Wire();
    let now = 5e9, rings: [number, () => void] = [Infinity, () => {}];
    const rtc = new GoldfishRtc({ now: () => now, at: (t, f) => { rings = [t, f]; } }, line, 1000);
    const read = (): number => rtc.read(0) + rtc.read(4) * 2 ** 32;
    expect(read()).toBe(1e9);
    now += 7;
    expect(read()).toBe(1e9 + 7);
    rtc.write(0x10, 1); rtc.write(0xc, 0); rtc.write(8, 2e9);
    expect([rings[0], rtc.read(0x18)]).toEqual([6e9, 1]);
    rings[1]();
    expect([line.level, rtc.read(0x18)]).toEqual([true, 0]);
    rtc.write(0x1c, 0);
    expect(line.level).toBe(false);
    rtc.write(4, 1); rtc.write(0, 5);
    expect(read()).toBe(2 ** 32 + 5);
  });
  it('ends the machine as the guest says', () => {
    const ends: Ending[] = [], finisher = new TestFinisher((e) => ends.push(e));
    for (const value of [0x5555, 0x7777, 0x0007_3333, 0x1234]) finisher.write(0, value);
    expect(ends).toEqual([{ kind: 'powerOff' }, { kind: 'reboot' }, { kind: 'failure', code: 7 }]);
  });
});

describe('randomness and time', () => {
  it('is a function of the seed', () => {
    const bytes = (seed: number): string => new SeededRandom(seed).bytes(16).join();
    expect(bytes(1)).toBe(bytes(1));
    expect(bytes(1)).not.toBe(bytes(2));
  });
  it('starts where it was told, follows virtual time, and interrupts at the alarm until cleared', () => {
    const clock = new TestAlarm(), line = new Wire(), rtc = new GoldfishRtc(clock, line, 1_700_000_000_000);
    clock.advanceTo(5e9);
    const low = rtc.read(0);
    expect(Math.round((rtc.read(4) * 2 ** 32 + low) / 1e9)).toBe(1_700_000_005);
    rtc.write(4, 0); rtc.write(0, 0); rtc.write(0x10, 1); rtc.write(0xc, 0); rtc.write(0x8, 5000);
    expect(rtc.read(0x18)).toBe(1);
    clock.advanceTo(5e9 + 5000);
    expect([line.level, rtc.read(0x18)]).toEqual([true, 0]);
    rtc.write(0x1c, 1);
    expect(line.level).toBe(false);
  });
});

describe('any access', () => {
  it('leaves every device alive and answers unsigned numbers of the size asked for', () => {
    fc.assert(fc.property(accesses, (list) => {
      const wire = new Wire(),
        devices = [
          new Uart16550(new Port(), wire), new Plic(3, 64, () => {}), new GoldfishRtc({ now: () => 1, at: () => {} }, wire, 0),
          new TestFinisher(() => {})
        ];
      for (const device of devices) for (const { write, offset, value, size } of list) {
        const at = (offset % device.size) & -size;
        if (write) device.write(at, value % 2 ** (8 * size), size);
        else { const found = device.read(at, size) >>> 0; expect(found).toBeLessThan(2 ** 32); }
      }
    }), { numRuns: 60 });
  });
});
