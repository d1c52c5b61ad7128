import { describe, expect, test } from 'vitest';
import type { FramePort } from '../ports.ts';
import { VirtioNet } from './net.ts';
import { RAM, rigOf, type Buffer, type TestQueue } from './testing.ts';

const MAC = Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56);
const DATA = RAM + 0x6_0000, HEADER = 12;
const F = { CSUM: 0, MAC: 5, MRG_RXBUF: 15, CTRL_VQ: 17, CTRL_RX: 18, CTRL_VLAN: 19, CTRL_MAC_ADDR: 23 };

class Cable implements FramePort {
  readonly sent: Uint8Array[] = [];
  arrive: (frame: Uint8Array) => void = () => {};
  send(frame: Uint8Array): void { this.sent.push(frame.slice()); }
  onFrame(receive: (frame: Uint8Array) => void): void { this.arrive = receive; }
}

function card(features: readonly number[] = [], packed = true) {
  const cable = new Cable(), model = new VirtioNet(cable, MAC), rig = rigOf(model, { packed, eventIndex: true, size: 8 }, features);
  const [receive, transmit, control] = rig.queues as [TestQueue, TestQueue, TestQueue];
  const put = (queue: TestQueue, bytes: Uint8Array, more: Buffer[] = []): number => {
    rig.memory.view(DATA, bytes.length).set(bytes);
    queue.offer([{ address: DATA, length: bytes.length }, ...more]);
    queue.notify();
    return queue.collect().length;
  };
  const command = (...bytes: number[]): number => {
    put(control, Uint8Array.from(bytes), [{ address: DATA + 0x1000, length: 1, write: true }]);
    return rig.memory.u8(DATA + 0x1000);
  };
  let at = DATA + 0x2000;
  const buffers = (...lengths: number[]): void => {
    for (const length of lengths) {
      receive.offer([{ address: at, length, write: true }]);
      at += length;
    }
    receive.notify();
  };
  return { cable, model, rig, receive, transmit, put, command, buffers };
}

const frame = (to: readonly number[], length = 64, fill = 7): Uint8Array =>
  Uint8Array.from([...to, 2, 0, 0, 0, 0, 1, 8, 0, ...new Uint8Array(length - 14).fill(fill)]);
const BROADCAST = [255, 255, 255, 255, 255, 255];

describe('sending', () => {
  test('takes the frame behind the header, in however many pieces', () => {
    const nic = card();
    const whole = frame(BROADCAST);
    expect(nic.put(nic.transmit, Uint8Array.from([...new Uint8Array(HEADER), ...whole]))).toBe(1);
    nic.rig.memory.view(DATA, HEADER + 64).set([...new Uint8Array(HEADER), ...whole]);
    nic.transmit.offer([{ address: DATA, length: 3 }, { address: DATA + 3, length: 20 }, { address: DATA + 23, length: 53 }]);
    nic.transmit.notify();
    expect(nic.cable.sent.map((f) => [...f])).toEqual([[...whole], [...whole]]);
  });

  test('fills in the checksum that the driver has left to the device', () => {
    const nic = card([F.CSUM]);
    const bytes = frame(BROADCAST, 40, 0);
    bytes.set([0x12, 0x34, 0xab, 0xcd, 0, 0, 0xff], 34 - 4); // the part from 30 on, its sum at 30 + 4
    const header = Uint8Array.of(1, 0, 0, 0, 0, 0, 30, 0, 4, 0, 0, 0);
    nic.put(nic.transmit, Uint8Array.from([...header, ...bytes]));
    const sum = 0xffff - (((0x1234 + 0xabcd + 0xff00) % 0x10000) + Math.floor((0x1234 + 0xabcd + 0xff00) / 0x10000));
    expect([nic.cable.sent[0][34], nic.cable.sent[0][35]]).toEqual([sum >> 8, sum & 0xff]);
    nic.put(nic.transmit, Uint8Array.from([1, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, ...bytes])); // a place that is not there
    expect(nic.cable.sent.length).toBe(2);
  });

  test('drops what is no frame: too short, too long', () => {
    const nic = card();
    nic.put(nic.transmit, new Uint8Array(5));
    nic.put(nic.transmit, new Uint8Array(HEADER + 2000));
    expect([nic.cable.sent.length, nic.model.counts.malformed, nic.rig.broken]).toEqual([0, 2, false]);
  });
});

describe('receiving', () => {
  test('puts a frame behind a header, and keeps frames until there are buffers', () => {
    const nic = card();
    nic.cable.arrive(frame(BROADCAST, 60, 1));
    nic.cable.arrive(frame([...MAC], 70, 2));
    nic.buffers(1600);
    expect(nic.receive.collect().map((u) => u.written)).toEqual([HEADER + 60]);
    expect([nic.rig.memory.u16(DATA + 0x2000 + 10), nic.rig.memory.u8(DATA + 0x2000 + HEADER + 59)]).toEqual([1, 1]);
    nic.buffers(1600);
    expect(nic.receive.collect().map((u) => u.written)).toEqual([HEADER + 70]);
    expect(nic.rig.interrupted()).toBe(true);
  });

  test('merges buffers where that was agreed, and waits until there are enough of them', () => {
    for (const packed of [false, true]) {
      const nic = card([F.MRG_RXBUF], packed);
      nic.buffers(40, 40);
      nic.cable.arrive(frame(BROADCAST, 100, 9));
      expect(nic.receive.collect()).toEqual([]);
      nic.buffers(40);
      const used = nic.receive.collect();
      expect(used.map((u) => u.written)).toEqual([40, 40, HEADER + 100 - 80]);
      expect(nic.rig.memory.u16(DATA + 0x2000 + 10)).toBe(3);
    }
  });

  test('gives back a buffer that is too small for the frame, and uses the next', () => {
    const nic = card();
    nic.buffers(20, 200);
    nic.cable.arrive(frame(BROADCAST));
    expect(nic.receive.collect().map((u) => u.written)).toEqual([0, HEADER + 64]);
  });

  test('loses frames only when hundreds wait, and forgets them at a reset', () => {
    const nic = card();
    for (let i = 0; i < 300; i++) nic.cable.arrive(frame(BROADCAST));
    expect(nic.model.counts).toMatchObject({ received: 0, dropped: 44 });
    nic.rig.start({ packed: true, eventIndex: false, size: 8 }, []);
    nic.rig.queues[0].offer([{ address: DATA, length: 200, write: true }]);
    nic.rig.queues[0].notify();
    expect(nic.rig.queues[0].collect()).toEqual([]);
  });

  test('takes nothing before the driver is ready', () => {
    const nic = card();
    nic.rig.set(0x70, 0);
    nic.cable.arrive(frame(BROADCAST));
    expect(nic.rig.get(0x60)).toBe(0);
  });
});

describe('control', () => {
  const received = (nic: ReturnType<typeof card>, ...frames: Uint8Array[]): number[] => {
    nic.buffers(...frames.map(() => 200));
    for (const bytes of frames) nic.cable.arrive(bytes);
    return nic.receive.collect().map((u) => u.written - HEADER);
  };
  const other = [2, 0, 0, 0, 0, 9], group = [0x33, 0x33, 0, 0, 0, 1];
  const all = [frame([...MAC], 61), frame(other, 62), frame(group, 63), frame(BROADCAST, 64)];

  test('everything comes until the driver switches promiscuous mode off; then addresses count', () => {
    const promiscuous = card([F.CTRL_VQ, F.CTRL_RX]);
    expect(received(promiscuous, ...all)).toEqual([61, 62, 63, 64]);
    const filtering = card([F.CTRL_VQ, F.CTRL_RX]);
    expect(filtering.command(0, 0, 0)).toBe(0);
    expect(received(filtering, ...all)).toEqual([61, 64]);
    const oneGroup = card([F.CTRL_VQ, F.CTRL_RX]);
    expect([oneGroup.command(0, 0, 0), oneGroup.command(1, 0, 0, 0, 0, 0, 1, 0, 0, 0, ...group), oneGroup.command(0, 5, 1)])
      .toEqual([0, 0, 0]);
    expect(received(oneGroup, ...all)).toEqual([61, 63]);
    const allGroups = card([F.CTRL_VQ, F.CTRL_RX]);
    expect([allGroups.command(0, 0, 0), allGroups.command(0, 1, 1), allGroups.command(0, 2, 1)]).toEqual([0, 0, 0]);
    expect(received(allGroups, ...all)).toEqual([61, 62, 63, 64]);
  });

  test('the address can be changed, for frames and in the configuration', () => {
    const nic = card([F.CTRL_VQ, F.CTRL_RX, F.CTRL_MAC_ADDR]);
    expect([nic.command(0, 0, 0), nic.command(1, 1, ...other)]).toEqual([0, 0]);
    expect(received(nic, ...all)).toEqual([62, 64]);
    expect([0, 5].map((i) => nic.rig.device.read(0x100 + i, 1))).toEqual([2, 9]);
    expect(nic.command(1, 1, ...group)).toBe(1);
  });

  test('tagged frames come for VLANs that were added', () => {
    const nic = card([F.CTRL_VQ, F.CTRL_VLAN]);
    const tagged = (id: number, length: number): Uint8Array => {
      const bytes = frame(BROADCAST, length);
      bytes.set([0x81, 0, id >> 8, id & 0xff], 12);
      return bytes;
    };
    expect(nic.command(2, 0, 5, 0)).toBe(0);
    expect(received(nic, tagged(5, 70), tagged(6, 71), frame(BROADCAST, 72))).toEqual([70, 72]);
    expect(nic.command(2, 1, 5, 0)).toBe(0);
    expect(received(nic, tagged(5, 73))).toEqual([]);
  });

  test('commands that are not known, too short or too long are refused, and change nothing', () => {
    const nic = card([F.CTRL_VQ, F.CTRL_RX]);
    expect([
      nic.command(0, 9, 0), nic.command(9, 0, 0), nic.command(0, 0), nic.command(1, 0, 0, 0, 0, 0, 5, 0, 0, 0), nic.command(2, 0, 0, 0x20),
      nic.command(1, 0, 255, 255, 255, 255)
    ]).toEqual([1, 1, 1, 1, 1, 1]);
    expect(received(nic, ...all).length).toBe(4);
  });
});

test('the configuration says address, link and size of frames', () => {
  const nic = card();
  expect([...Array.from({ length: 12 }, (_, i) => nic.rig.device.read(0x100 + i, 1))])
    .toEqual([...MAC, 1, 0, 1, 0, 1500 & 0xff, 1500 >> 8]);
});

test('features of the control queue are not had without the queue', () => {
  expect([card([F.CTRL_RX]).rig.get(0x70) & 8, card([F.CTRL_VQ, F.CTRL_RX]).rig.get(0x70) & 8]).toEqual([0, 8]);
});

test('frames beyond the MTU are not passed on; a VLAN tag may come on top', () => {
  const nic = card();
  const tagged = frame(BROADCAST, 1518);
  tagged.set([0x81, 0], 12);
  nic.buffers(1600, 1600, 1600);
  for (const bytes of [frame(BROADCAST, 1515), frame(BROADCAST, 1514), tagged]) nic.cable.arrive(bytes);
  expect(nic.receive.collect().map((u) => u.written - HEADER)).toEqual([1514, 1518]);
});
