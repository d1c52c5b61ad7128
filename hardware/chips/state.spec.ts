/**
 * `save` returns the whole state of a chip: a run that saves the chip at random moments and loads the record into a new one equals, to the
 * byte, the same run left alone. Every chip, under random accesses and random outside events.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Chip } from './chip.ts';
import { TestFinisher, type Ending } from './finisher.ts';
import { GoldfishRtc } from './goldfish-rtc.ts';
import { Plic } from './plic.ts';
import type { FilePort } from './ports.ts';
import { SeededRandom } from './random.ts';
import { TestAlarm, TestDisk, TestLine, TestTerminal } from './testing.ts';
import { Uart16550 } from './uart16550.ts';
import { VirtioBlock } from './virtio/block.ts';
import { VirtioConsole } from './virtio/console.ts';
import { VirtioEntropy } from './virtio/entropy.ts';
import { VirtioFiles } from './virtio/files.ts';
import { Feature } from './virtio/layout.ts';
import { VirtioMmio } from './virtio/mmio.ts';
import type { VirtioModel } from './virtio/model.ts';
import { VirtioNet } from './virtio/net.ts';
import { RAM, Rig, type Buffer, type Registers, type TestQueue } from './virtio/testing.ts';

/** The chip and surroundings of one run. `act` performs one operation and returns everything observable about it. */
interface World<Op> {
  chip: Chip<never>;
  build(): Chip<never>;
  act(op: Op): unknown; /** Takes the previous chip off the board. */
  remove(): void; /** Everything observable at the end. */
  end?(): unknown
}

/** Runs the operations; before those listed in `moments` a new chip with the saved state replaces the old one. */
function history<Op>(world: World<Op>, ops: readonly Op[], moments: ReadonlySet<number>): unknown[] {
  const seen = ops.map((op, i) => {
    if (moments.has(i)) {
      const state = structuredClone(world.chip.save());
      world.remove();
      world.chip = world.build();
      world.chip.load(state as never);
    }
    return world.act(op);
  });
  return [...seen, world.end?.()];
}

function check<Op>(make: () => World<Op>, op: fc.Arbitrary<Op>, runs = 150): void {
  fc.assert(fc.property(fc.array(op, { minLength: 1, maxLength: 60 }), fc.array(fc.nat(60), { maxLength: 6 }), (ops, moments) => {
    expect(history(make(), ops, new Set(moments))).toEqual(history(make(), ops, new Set()));
  }), { numRuns: runs });
}

/** Characters whose listeners can be exchanged. */
class Terminal extends TestTerminal {
  #heard: (() => void)[] = [];
  #room: (() => void)[] = [];
  override onInput(notify: () => void): void { this.#heard.push(notify); }
  override onRoom(notify: () => void): void { this.#room.push(notify); }
  override type(text: string): void { this.queue(text); for (const f of this.#heard) f(); }
  override hasRoom(): void { this.full = false; for (const f of this.#room) f(); }
  remove(): void { this.#heard = []; this.#room = []; }
}

type Access = { readonly write: boolean; readonly offset: number; readonly value: number };
const access = (offsets: readonly number[], values: fc.Arbitrary<number>): fc.Arbitrary<Access> =>
  fc.record({ write: fc.boolean(), offset: fc.constantFrom(...offsets), value: values });
const text = fc.string({ maxLength: 20 });

describe('a chip that is saved and loaded at any moment goes on as if nothing had happened', () => {
  it('finisher', () => {
    check<Access>(() => {
      const ends: Ending[] = [], build = (): Chip<never> => new TestFinisher((e) => void ends.push(e)) as unknown as Chip<never>;
      return { chip: build(), build, remove: () => {}, act(a) { this.chip.write(a.offset, a.value, 4); return [...ends]; } };
    }, access([0, 4], fc.constantFrom(0x5555, 0x7777, 0x7_3333, 1)));
  });

  it('16550', () => {
    check<Access | { type: string } | { polls: number }>(() => {
      const port = new Terminal(), line = new TestLine(), build = (): Chip<never> => new Uart16550(port, line) as unknown as Chip<never>;
      return {
        chip: build(), build, remove: () => port.remove(),
        act(action) {
          if ('type' in action) port.type(action.type);
          else if ('polls' in action) return Array.from({ length: action.polls }, () => this.chip.read(5, 1));
          else if (action.write) this.chip.write(action.offset, action.value, 1);
          return ['type' in action || action.write ? 0 : this.chip.read(action.offset, 1), line.level, port.text, port.waiting];
        },
      };
    },
    fc.oneof(access([0, 1, 2, 3, 4, 5, 6, 7], fc.nat(255)), access([5, 2, 1], fc.constantFrom(0, 1, 3, 5, 15)), fc.record({ type: text }),
      fc.record({ polls: fc.integer({ min: 5, max: 20 }) })),
    300);
  });

  it('PLIC', () => {
    const offsets = [
      ...[0, 1, 2, 40, 63].map((s) => 4 * s), 0x1000, 0x1004,
      ...[0, 1, 2, 3].flatMap((c) => [0x2000 + 0x80 * c, 0x2004 + 0x80 * c, 0x20_0000 + 0x1000 * c, 0x20_0004 + 0x1000 * c])
    ];
    check<Access | { source: number; level: boolean } | { serve: number }>(() => {
      const out: (number | boolean)[] = [], lines: ((level: boolean) => void)[] = [], told: boolean[] = [];
      const build = (): Plic => {
        const plic = new Plic(2, 64, (context, level) => { if (told[context] !== level) out.push(context, level); told[context] = level; });
        for (const source of [1, 2, 40, 63]) lines[source] = (level) => plic.line(source).set(level);
        return plic;
      };
      const chip = build();
      for (const source of [1, 2, 40, 63]) chip.write(4 * source, 1 + (source % 3), 4);
      for (const context of [0, 1, 2, 3]) for (const word of [0, 4]) chip.write(0x2000 + 0x80 * context + word, 0xffff_ffff, 4);
      return {
        chip: chip as unknown as Chip<never>, build: build as unknown as () => Chip<never>, remove: () => {},
        act(action) {
          if ('serve' in action) return [this.chip.read(0x20_0004 + 0x1000 * action.serve, 4), [...out]];
          if ('source' in action) lines[action.source](action.level);
          else if (action.write) this.chip.write(action.offset, action.value, 4);
          return ['source' in action || action.write ? 0 : this.chip.read(action.offset, 4), [...out]];
        },
      };
    },
    fc.oneof(access(offsets, fc.oneof(fc.nat(7), fc.constantFrom(1, 2, 6, 40, 63, 0xffff_ffff))),
      fc.record({ source: fc.constantFrom(1, 1, 40, 2, 63), level: fc.boolean() }),
      fc.record({ source: fc.constant(1), level: fc.boolean() }), fc.record({ serve: fc.nat(1) }),
      access([0, 1, 2, 3].map((c) => 0x20_0004 + 0x1000 * c), fc.constantFrom(1, 2, 40, 63))),
    800);
  });

  it('real-time clock', () => {
    check<Access | { later: number } | { alarm: number }>(() => {
      const clock = new TestAlarm(), line = new TestLine(),
        build = (): Chip<never> => new GoldfishRtc(clock, line, 0) as unknown as Chip<never>;
      return {
        chip: build(), build, remove: () => clock.at(Infinity, () => {}),
        act(action) {
          if ('later' in action) clock.advanceTo(clock.time + action.later);
          else if ('alarm' in action)
            for (const [offset, value] of [[16, 1], [12, 0], [8, (this.chip.read(0, 4) + action.alarm) % 2 ** 32]])
              this.chip.write(offset, value, 4);
          else if (action.write) this.chip.write(action.offset, action.value, 4);
          return ['offset' in action && !action.write ? this.chip.read(action.offset, 4) : 0, line.level];
        },
      };
    },
    fc.oneof(access([0, 4, 8, 12, 16, 20, 24, 28], fc.nat(3000)), access([8, 12], fc.nat(1)), fc.record({ later: fc.nat(2000) }),
      fc.record({ alarm: fc.nat(2000) })),
    300);
  });
});

// ── virtio: a driver that mostly keeps to the rules, with requests in flight ──

const DATA = RAM + 0x5_0000;
/** `outside`: an outside event; the number selects which. */
type VirtioOp =
  | {
    readonly kind: 'offer'; readonly queue: number; readonly out: readonly number[]; readonly in: readonly number[];
    readonly fill: Uint8Array; readonly indirect: boolean
  }
  | { readonly kind: 'usual'; readonly which: number; readonly fill: Uint8Array }
  | { readonly kind: 'notify' | 'stop'; readonly queue: number } | { readonly kind: 'acknowledge' | 'restart' }
  | { readonly kind: 'register'; readonly offset: number; readonly value: number }
  | { readonly kind: 'outside'; readonly what: number };
const length = fc.constantFrom(0, 1, 8, 16, 40, 512);
/** Requests as drivers build them: for a disk, a control queue, a network card, an input buffer. */
const shapes = fc.constantFrom({ out: [16], in: [512, 1] }, { out: [16, 512], in: [1] }, { out: [16], in: [1] }, { out: [8], in: [] },
  { out: [3], in: [1] }, { out: [40, 40], in: [] }, { out: [], in: [512] }, { out: [], in: [40] });
const fill = fc.uint8Array({ minLength: 24, maxLength: 24 });
const virtioOp: fc.Arbitrary<VirtioOp> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('offer' as const), queue: fc.nat(5), out: fc.array(length, { maxLength: 3 }),
      in: fc.array(length, { maxLength: 3 }), fill, indirect: fc.boolean()
    }).filter((o) =>
      o.out.length + o.in.length > 0)
  },
  {
    weight: 6,
    arbitrary: fc.tuple(fc.nat(5), shapes, fill, fc.boolean()).map(([queue, shape, bytes, indirect]) => ({
      kind: 'offer' as const, queue, ...shape, fill: bytes, indirect
    }))
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('notify' as const), queue: fc.nat(5) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('outside' as const), what: fc.nat(1000) }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('usual' as const), which: fc.nat(11), fill }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('acknowledge' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stop' as const), queue: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('register' as const), offset: fc.constantFrom(0x14, 0x24, 0x20, 0x30, 0x38, 0x80, 0x108), value: fc.nat(40)
    })
  },
);

interface Outside {
  /** The usual request to this device: queue, lengths to read, lengths to write. */
  readonly usual: readonly (readonly [number, readonly number[], readonly number[]])[];
  build(rig: () => Rig): VirtioModel;
  remove(): void; /** The device has dropped its requests. */
  forget?(): void;
  happens(what: number): void; /** Everything observable outside. */
  readonly seen: unknown; /** Turns random bytes into a request of the device's kind. */
  shape?(fill: Uint8Array): Uint8Array
}

function checkModel(makeOutside: () => Outside, features: readonly number[] = []): void {
  const choices = fc.record({ packed: fc.boolean(), eventIndex: fc.boolean(), inOrder: fc.boolean() });
  fc.assert(fc.property(choices, fc.array(virtioOp, { minLength: 1, maxLength: 80, size: 'max' }),
    fc.array(fc.nat(80), { minLength: 2, maxLength: 8 }), (choice, ops, moments) => {
    const make = (): World<VirtioOp> => virtioWorld(makeOutside(), choice, [...features, ...(choice.inOrder ? [Feature.IN_ORDER] : [])]);
    expect(history(make(), ops, new Set(moments))).toEqual(history(make(), ops, new Set()));
  }), { numRuns: 150 });
}

function virtioWorld(outside: Outside, choice: { packed: boolean; eventIndex: boolean }, features: readonly number[]): World<VirtioOp> {
  const ringChoice = { ...choice, size: 8 }, holder: { rig?: Rig; world?: World<VirtioOp> } = {};
  const build = (): VirtioMmio => new VirtioMmio(outside.build(() => holder.rig!), holder.rig!.memory, holder.rig!.irq);
  let first: VirtioMmio | undefined;
  const registers: Registers = {
    read: (o, s) => (holder.world?.chip ?? first!).read(o, s), write: (o, v, s) => (holder.world?.chip ?? first!).write(o, v, s)
  };
  const rig = new Rig((memory, irq) => {
    first = new VirtioMmio(outside.build(() => holder.rig ?? ({ memory, irq } as Rig)), memory, irq);
    return registers;
  }, 1, ringChoice, features);
  holder.rig = rig;
  rig.manage(countQueues(rig));
  rig.start(ringChoice, features);
  let at = DATA;
  const offer = (queue: TestQueue, out: readonly number[], into: readonly number[], bytes: Uint8Array, indirect: boolean): void => {
    const buffers: Buffer[] = [
      ...out.map((n) => ({ n, write: false })), ...into.map((n) => ({ n, write: true }))
    ].map(({ n, write }) => ({ address: (at += 512)
      - 512, length: n, write }));
    if (at > RAM + 0x7_0000) at = DATA;
    rig.memory.write(buffers[0].address, outside.shape?.(bytes) ?? bytes);
    queue.offer(buffers, indirect);
    queue.collect();
  };
  const world: World<VirtioOp> = {
    chip: first as unknown as Chip<never>, build: build as unknown as () => Chip<never>, remove: () => outside.remove(),
    act(op) {
      const queue = rig.queues['queue' in op ? op.queue % rig.queues.length : 0];
      switch (op.kind) {
        case 'offer': offer(queue, op.out, op.in, op.fill, op.indirect); break;
        case 'usual': {
          const [index, out, into] = outside.usual[op.which % outside.usual.length];
          offer(rig.queues[index], out, into, op.fill, false);
          rig.queues[index].notify();
          break;
        }
        case 'notify': queue.notify(); break;
        case 'stop': rig.set(0x30, queue.index); rig.set(0x44, 0); if (queue.index === 0) outside.forget?.(); break;
        case 'acknowledge': rig.set(0x64, 3); break;
        case 'restart': rig.start(ringChoice, features); outside.forget?.(); break;
        case 'register': rig.device.write(op.offset, op.value, 4); break;
        default: outside.happens(op.what);
      }
      return [
        rig.irq.level, [0x10, 0x44, 0x60, 0x70, 0xfc, 0x100].map((r) => rig.get(r)), checksum(rig.memory.bytes, 0x1000, 0x7000),
        checksum(rig.memory.bytes, at - RAM - 0x1000, 0x1000), outside.seen
      ];
    },
    end: () => checksum(rig.memory.bytes, 0, rig.memory.size),
  };
  holder.world = world;
  return world;
}

/** The device's queues: those whose maximum size is not zero. */
function countQueues(rig: Rig): number {
  let n = 0;
  for (rig.set(0x30, n); rig.get(0x34) > 0; rig.set(0x30, ++n)) { /* the next */ }
  return n;
}

function checksum(bytes: Uint8Array, from: number, length: number): number {
  const words = new Uint32Array(bytes.buffer, from, length / 4);
  let sum = 0;
  for (let i = 0; i < words.length; i++) sum = (Math.imul(sum, 31) + words[i]) | 0;
  return sum;
}

describe('a virtio device that is saved and loaded at any moment goes on as if nothing had happened', () => {
  it('block, with requests in flight', () => {
    checkModel(() => {
      let disk: TestDisk;
      return {
        usual: [[0, [16], [512, 1]], [0, [16, 512], [1]], [0, [16], [1]]],
        build: (rig) => {
          disk ??= new TestDisk(() => rig().memory, 64);
          disk.slow = true;
          return new VirtioBlock(disk, 'state');
        },
        // The new chip submits the old one's unfinished requests again.
        remove: () => disk.cancel(),
        happens: (what) => { disk.broken = what % 7 === 0; if (disk.waiting > 0) disk.finish(what % disk.waiting); },
        get seen() { return disk.waiting; },
        shape: (fill) => Uint8Array.from([
          [0, 1, 4, 8, 13, 99][fill[0] % 6], 0, 0, 0, 0, 0, 0, 0, fill[1] % 70, 0, 0, 0, 0, 0, 0, 0, ...fill.subarray(16)
        ]),
      };
    }, [9]);
  });

  it('9P, with messages in flight', () => {
    checkModel(() => {
      let waiting: { message: Uint8Array; reply: (m: Uint8Array) => void }[] = [];
      const port: FilePort = { tag: new TextEncoder().encode('tag'), request: (message, reply) => void waiting.push({ message, reply }) };
      return {
        usual: [[0, [40], [40]]],
        build: () => new VirtioFiles(port), remove: () => { waiting = []; }, forget: () => { waiting = []; },
        get seen() { return waiting.map((w) => [...w.message]); },
        happens: (what) => {
          const [one] = waiting.splice(what % Math.max(1, waiting.length), 1);
          one?.reply(one.message.slice(0, what % 60));
        },
      };
    }, [0]);
  });

  it('network card', () => {
    checkModel(() => {
      const sent: number[][] = [];
      let arrive: (frame: Uint8Array) => void = () => {};
      return {
        usual: [[0, [], [512]], [1, [40, 40], []], [2, [3], [1]]],
        build: () =>
          new VirtioNet({ send: (f) => void sent.push([...f]), onFrame: (f) => { arrive = f; } }, Uint8Array.of(2, 0, 0, 0, 0, 1)),
        remove: () => {}, get seen() { return sent.length; },
        happens: (what) => arrive(new Uint8Array(14 + (what % 90)).fill(what % 3 === 0 ? 0xff : 2)),
        shape: (fill) => Uint8Array.from([fill[0] % 3, fill[1] % 6, fill[2] % 2, ...fill.subarray(3)]),
      };
    }, [5, 15, 17, 18, 19, 20, 23]);
  });

  it('console with several ports', () => {
    checkModel(() => {
      const ports = [new Terminal(), new Terminal()];
      let model: VirtioConsole;
      return {
        usual: [[3, [8], []], [2, [], [40]], [0, [], [40]], [4, [], [40]], [1, [40], []], [5, [40], []]],
        build: () => (model = new VirtioConsole(ports[0], [{ backend: ports[1], console: false, name: 'agent' }])),
        remove: () => ports.forEach((p) => p.remove()), get seen() { return ports.map((p) => [p.text.length, p.waiting]); },
        happens: (what) => {
          const port = ports[what % 2];
          if (what % 5 === 0) port.full = true;
          else if (what % 5 === 1) port.hasRoom();
          else if (what % 5 === 2) model.resize(what, what >> 1); else port.type('x'.repeat(what % 30));
        },
        shape: (fill) => Uint8Array.from([
          [1, 1, 0, 2][fill[0] % 4], 0, 0, 0, [6, 6, 0, 3][fill[1] % 4], 0, fill[2] % 8 > 0 ? 1 : 0, 0, ...fill.subarray(8)
        ]),
      };
    }, [1]);
  });

  it('entropy', () => {
    checkModel(() => ({
      usual: [[0, [], [40, 512]]], build: () => new VirtioEntropy(new SeededRandom(5)), remove: () => {}, happens: () => {}, seen: 0
    }));
  });
});
