/** The protocol by hand, and by clients that do not keep to it: packets, answers, rubbish, two clients at once. */
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { assemble } from '../../hardware/isa/assemble.ts';
import { Machine } from '../../machine/machine.ts';
import { AgentFault, evaluate } from './agent.ts';
import { auxiliaryVector } from './auxv.ts';
import { hartDescription, userDescription } from './description.ts';
import { OpenFiles } from './files.ts';
import { meant, nameOf, threadId } from './ids.ts';
import { MachineTarget } from './machine-target.ts';
import { packet, PACKET_BYTES, PacketReader } from './packets.ts';
import { GdbServer } from './server.ts';
import { stopReply } from './replies.ts';
import { threadActions as actionsFor } from './resume.ts';
import { gdbSignal } from './signals.ts';
import { Stub } from './stub.ts';
import type { Target } from './target.ts';

const RAM = 0x8000_0000;

function machineTarget(harts = 2): { machine: Machine; target: MachineTarget } {
  const machine = new Machine({ memoryBytes: 1 << 20, harts });
  const { bytes } = assemble('li t0, 0\nagain: addi t0, t0, 1\nj again', RAM);
  machine.memory.writable(RAM, bytes.length).set(bytes);
  machine.reset(RAM);
  const target = new MachineTarget();
  target.attach(machine);
  return { machine, target };
}

function stubFor(harts = 2): { stub: Stub; ask: (data: string) => string | undefined; machine: Machine } {
  const { machine, target } = machineTarget(harts);
  const stub = new Stub(target, { resumed: () => {}, detach: () => {}, kill: () => {}, restart: undefined });
  return { stub, machine, ask: (data) => stub.answer(data) };
}

describe('packets', () => {
  it('come through whatever pieces they arrive in, escapes included', () => {
    fc.assert(fc.property(fc.array(fc.string({ unit: 'binary-ascii' })), fc.integer({ min: 1, max: 7 }), (texts, size) => {
      const stream = Buffer.concat(texts.map((t) => Buffer.concat([Buffer.from('+'), packet(t)])));
      const reader = new PacketReader();
      const got: unknown[] = [];
      for (let i = 0; i < stream.length; i += size) got.push(...reader.feed(stream.subarray(i, i + size)));
      expect(got).toEqual(texts.map((data) => ({ kind: 'packet', data })));
    }));
  });

  it('with a wrong sum are damaged; what is no packet, or too long, is rubbish', () => {
    expect(new PacketReader().feed(Buffer.from('$g#00$g#zz$g#67\x03-'))).toEqual([
      { kind: 'damaged' }, { kind: 'damaged' }, { kind: 'packet', data: 'g' }, { kind: 'interrupt' }, { kind: 'again' }
    ]);
    expect(new PacketReader().feed(Buffer.from('GET / HTTP/1.1'))).toEqual([
      { kind: 'rubbish', why: 'byte 0x47 where a packet should begin' }
    ]);
    expect(new PacketReader().feed(Buffer.from(`$${'m'.repeat(PACKET_BYTES + 1)}`))).toEqual([
      { kind: 'rubbish', why: expect.stringContaining('more than') }
    ]);
  });
});

describe('commands', () => {
  it('registers: all, one, written, refused', () => {
    const { ask, machine } = stubFor();
    expect(ask('g')).toHaveLength(33 * 16);
    expect(ask('p20')).toBe('0000008000000000');
    expect(ask('P5=8877665544332211')).toBe('OK');
    expect(machine.harts[0]!.x[5]).toBe(0x1122334455667788n);
    expect(ask('p44')).toBe('00000000'); // fcsr, four bytes
    expect(['pfffff', 'p2000', 'P5=12', 'P5', 'Pq=0', 'G00'].map(ask)).toEqual(Array(6).fill('E22'));
  });

  it('memory: read and written, as far as it is there', () => {
    const { ask } = stubFor();
    expect(ask('M80000100,4:01020304')).toBe('OK');
    expect(ask('X80000104,2:\x05}')).toBe('OK');
    expect(ask('m80000100,6')).toBe('01020304057d');
    expect(ask('m800ffffe,100')).toHaveLength(4);
    expect(ask('m80000000,ffffffffffffffff')).toHaveLength(PACKET_BYTES);
    expect(['m0,8', 'mfffffffffffffff8,10'].map(ask)).toEqual(['E14', 'E14']);
    expect(['m', 'm80000000', 'mx,1', 'M80000000,4:01', 'X80000000,ffffffff:', 'M80000000,2:0x01'].map(ask)).toEqual(Array(6).fill('E22'));
  });

  it('threads: listed, selected, described', () => {
    const { ask } = stubFor();
    expect(['qfThreadInfo', 'qsThreadInfo', 'qC', 'T2', 'T9', 'Hg2', 'qC', 'Hg7', 'Hq1'].map(ask)).toEqual([
      'm1,2', 'l', 'QC1', 'OK', 'E22', 'OK', 'QC2', 'E22', 'E22'
    ]);
    expect(Buffer.from(ask('qThreadExtraInfo,2')!, 'hex').toString()).toBe('hart 1, M mode');
    expect(ask('qXfer:threads:read::0,fff')).toContain('name="hart 0">M mode</thread>');
  });

  it('points of all kinds are set and taken away, up to a limit', () => {
    const { ask } = stubFor();
    expect([
      'Z0,80000004,2', 'Z1,80000004,4', 'Z2,80000100,8', 'Z3,80000100,8', 'Z4,80000100,8', 'z4,80000100,8', 'z4,80000100,8'
    ].map(ask)).toEqual(Array(7).fill(
      'OK'));
    expect(['Z5,0,1', 'Z2,80000100,0', 'Z2,80000100,fffffffff', 'Z0,,', 'Z'].map(ask)).toEqual(['', 'E22', 'E22', 'E22', '']);
    const many = Array.from({ length: 1001 }, (_, i) => ask(`Z0,${(0x9000_0000 + 2 * i).toString(16)},2`));
    expect([many[0], many.at(-1)]).toEqual(['OK', 'E28']);
  });

  it('conditions decide where the machine stops, and one that cannot be evaluated stops it', () => {
    const { stub, ask, machine } = stubFor(1);
    // t0 == 5: reg 5, const8 5, equal, end
    expect(ask('Z0,80000004,2;X7,2600052205132727')).toBe('E22'); // eight bytes
    expect(ask('Z0,80000004,2;X7,26000522051327')).toBe('OK');
    ask('vCont;c');
    expect(machine.run().kind).toBe('debug');
    expect(machine.harts[0]!.num(5)).toBe(5);
    stub.stopped((stub.target as MachineTarget).stopped());
    expect(ask('Z0,80000004,2;X3,220027;X5,2200172027')).toBe('OK'); // false; a read at 0, then cut off
    ask('vCont;c');
    expect(machine.run().kind).toBe('debug');
    expect(machine.harts[0]!.num(5)).toBe(6);
  });

  it('vCont gives each thread the leftmost action that is for it', () => {
    const action = (thread: number, step: boolean, signalled = false): unknown => ({ thread, step, signalled });
    const threadActions = (text: string, ids: number[]): unknown => actionsFor(text, ids.map((id) => ({ id, name: '', state: '' })));
    expect(threadActions(';s:2;c', [1, 2])).toEqual([action(1, false), action(2, true)]);
    expect(threadActions(';s:2', [1, 2])).toEqual([action(2, true)]);
    expect([threadActions(';C05:-1', [1]), threadActions(';S0b:1', [1]), threadActions(';C00', [1])]).toEqual([
      [action(1, false, true)], [action(1, true, true)], [action(1, false)]
    ]);
    expect([threadActions(';s:9', [1]), threadActions(';t', [1]), threadActions('', [1])]).toEqual([undefined, undefined, undefined]);
  });

  it('a stop is told with its thread and cause', () => {
    const { stub, ask, machine } = stubFor();
    ask('qSupported:swbreak+;hwbreak+');
    ask('Z0,80000004,2');
    expect(ask('vCont;c')).toBeUndefined();
    expect(ask('g')).toBe('E22'); // it runs
    expect(machine.run().kind).toBe('debug');
    expect(stub.stopped((stub.target as MachineTarget).stopped())).toBe('T05thread:1;swbreak:;');
    expect(ask('?')).toBe('T05thread:1;swbreak:;');
    expect(stub.stopped({ kind: 'point', thread: 2, point: 'write', address: 0x8000_0100n })).toBe('T05thread:2;watch:80000100;');
    expect(stub.stopped({ kind: 'over', status: 3, signalled: false })).toBe('W03');
  });

  it('monitor commands answer in text', () => {
    const { ask } = stubFor();
    const monitor = (line: string): string => Buffer.from(ask(`qRcmd,${Buffer.from(line).toString('hex')}`)!, 'hex').toString();
    expect(monitor('help')).toMatch(/physical[^]*info[^]*translate[^]*step/);
    expect(monitor('info')).toContain('hart 1: pc 0x80000000, M mode, 0 instructions');
    expect(monitor('step 3')).toContain('0x80000004');
    expect(monitor('physical on')).toBe('addresses are physical\n');
    expect([monitor('peek 0x10000000'), monitor('peek'), monitor('poke 1 2'), monitor('translate x')]).toEqual([
      'there is no device at 0x10000000\n', expect.stringContaining('give'), expect.stringContaining('give'),
      expect.stringContaining('give')
    ]);
    expect(monitor('constructor')).toContain("no command 'constructor'");
  });

  it('whatever a packet says, there is an answer or a run, and never an exception', () => {
    const starts = [
      'g', 'G', 'p', 'P', 'm', 'M', 'X', 'H', 'T', 'Z0,', 'z2,', 'qRcmd,', 'qXfer:features:read:', 'qXfer:threads:read::',
      'qThreadExtraInfo,', 'Qqemu.PhyMemMode:', 'v', 'vCont', 'vFile:open:', 'vFile:pread:', 'vKill;', 'D;',
      'Tp', 'Hgp', 'qSupported:multiprocess+;', 'q', 'Q', 's', 'c', 'C', '?', ''
    ];
    const tail = fc.oneof(fc.string({ unit: 'binary-ascii', maxLength: 40 }), fc.stringMatching(/^[0-9a-f,:;=-]{0,40}$/));
    const { target } = machineTarget(1);
    fc.assert(fc.property(fc.array(fc.tuple(fc.constantFrom(...starts), tail), { maxLength: 20 }), (packets) => {
      const stub = new Stub(target, { resumed: () => {}, detach: () => {}, kill: () => {}, restart: undefined });
      for (const [start, rest] of packets) {
        expect(stub.answer(start + rest)).toSatisfy((a: unknown) => a === undefined || (typeof a === 'string' && a.length <= PACKET_BYTES));
        if (stub.running) stub.stopped({ kind: 'signal', thread: 1, signal: 5 });
      }
    }), { numRuns: 300 });
  });
});

describe('several processes', () => {
  const threads = [{ id: 1, process: 2, name: '', state: '' }, { id: 2, process: 2, name: '', state: '' }, { id: 3, process: 17, name: '',
    state: '' }];

  it('are named in ids: one, any, all', () => {
    const ids = (text: string): unknown => {
      const id = threadId(text);
      return id && meant(id, threads).map((t) => t.id);
    };
    expect(['p2.2', 'p2.-1', 'p11.0', 'p-1.-1', 'p0.0', '3', '-1', 'p11', 'p2.3'].map(ids)).toEqual([
      [2], [1, 2], [3], [1, 2, 3], [1, 2, 3], [3], [1, 2, 3], [3], []
    ]);
    expect(['', 'p', 'q1', 'p2.x', 'p2.1.1'].map(ids)).toEqual(Array(5).fill(undefined));
    expect([nameOf(3, 17, true), nameOf(3, 17, false), nameOf(3, undefined, true)]).toEqual(['p11.3', '3', '3']);
  });

  it('run and step by process', () => {
    const action = (thread: number, step: boolean): unknown => ({ thread, step, signalled: false });
    expect(actionsFor(';s:p2.1;c:p2.-1', threads)).toEqual([action(1, true), action(2, false)]);
    expect(actionsFor(';c:p11.-1;s:p2.2', threads)).toEqual([action(2, true), action(3, false)]);
    expect(actionsFor(';c', threads)).toHaveLength(3);
    expect(actionsFor(';c:p9.-1', threads)).toBeUndefined();
  });

  it('forks, new programs and ends are told', () => {
    const told = { client: new Set<string>(), isMany: true, first: 2, nameOf: (id: number) => nameOf(id, threads[id - 1]?.process, true) };
    expect([
      stopReply({ kind: 'fork', thread: 1, how: 'vfork', child: { process: 17, id: 3 } }, told),
      stopReply({ kind: 'vforkdone', thread: 1 }, told), stopReply({ kind: 'exec', thread: 3, process: 17, path: '/bin/x' }, told),
      stopReply({ kind: 'over', status: 3, signalled: false, process: 17 }, told),
      stopReply({ kind: 'over', status: 11, signalled: true }, told)
    ]).toEqual(['T05vfork:p11.3;thread:p2.1;', 'T05vforkdone:;thread:p2.1;', 'T05exec:2f62696e2f78;thread:p11.3;', 'W03;process:11',
      'X0b;process:2']);
  });

  it('files of the guest are opened, read in pieces and closed', () => {
    const bytes = Uint8Array.from({ length: 20_000 }, (_, i) => i);
    const file = { size: bytes.length, read: (at: number, n: number): Uint8Array => bytes.subarray(at, at + n) };
    const files = new OpenFiles({ ...machineTarget(1).target, file: (path: string) => (path === '/bin/x' ? file : undefined) } as Target);
    expect(files.answer('open:2f62696e2f78,0,0')).toBe('F1');
    expect(files.answer('pread:1,4,100')).toBe('F4;\x00\x01\x02\x03');
    expect(files.answer('pread:1,ffff,0')).toHaveLength('F1ff0;'.length + 0x1ff0);
    expect(files.answer('pread:1,10,4e20')).toBe('F0;');
    expect(files.answer('fstat:1')).toHaveLength(4 + 64);
    expect(['close:1', 'close:1', 'pread:1,4,0', 'open:2f,0,0', 'open:zz,0,0', 'unlink:2f', ''].map((r) => files.answer(r))).toEqual([
      'F0', 'F-1,9', 'F-1,9', 'F-1,2', 'F-1,2', '', ''
    ]);
  });
});

describe('agent expressions', () => {
  const view = {
    register: (n: number): bigint => BigInt(n), memory: (address: bigint, bytes: number): bigint => address * 256n + BigInt(bytes)
  };
  const value = (hex: string): bigint => evaluate(Buffer.from(`${hex}27`, 'hex'), view);
  const num = (n: number): string => `22${n.toString(16).padStart(2, '0')}`;

  it('calculate as GDB says', () => {
    expect([
      value(num(7) + num(2) + '03'), value(num(2) + num(7) + '03'), value(num(7) + num(2) + '05'), value(num(7) + num(2) + '07'),
      value(num(3) + num(4) + '04')
    ]).toEqual([5n, -5n, 3n, 1n, 12n]);
    expect([
      value('22ff1608'), value('22ff1608' + num(3) + '0a'), value('22ff1608' + num(60) + '0b'), value('22ff16082a08')
    ]).toEqual([-1n, -1n, 15n, 255n]);
    expect([
      value('22ff1608' + num(1) + '14'), value('22ff1608' + num(1) + '15'), value(num(0) + '0e'), value(num(0) + '12')
    ]).toEqual([1n, 0n, 1n, -1n]);
    expect([
      value('231234'), value('2412345678'), value('25ffffffffffffffff'), value('26000a'), value(num(16) + '19')
    ]).toEqual([0x1234n, 0x12345678n, -1n, 10n, 0x1004n]);
  });

  it('move values and jump', () => {
    expect([
      value(num(1) + num(2) + '2b03'), value(num(5) + '2804'), value(num(1) + num(2) + '29'), value(num(1) + num(2) + num(3) + '3202')
    ]).toEqual([1n, 25n, 1n, 1n]);
    expect(value(num(1) + num(2) + num(3) + '33' + '03')).toBe(-1n); // 1 2 3 becomes 3 1 2
    expect([value(num(1) + '200008' + num(9) + '27' + num(4)), value(num(0) + '200008' + num(9) + '27' + num(4))]).toEqual([4n, 9n]);
  });

  it('end, or are at fault', () => {
    for (const code of ['02', '210000', num(1) + num(0) + '05', 'ff', '22', '2700']) {
      if (code === '2700') expect(() => evaluate(Buffer.from('27', 'hex'), view)).toThrow(AgentFault);
      else expect(() => value(code)).toThrow(AgentFault);
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 30 }), (code) => {
      try {
        evaluate(code, view);
      } catch (error) {
        expect(error).toBeInstanceOf(AgentFault);
      }
    }), { numRuns: 500 });
  });
});

it('target descriptions name every register once', () => {
  const { machine } = machineTarget();
  for (const xml of [hartDescription(machine.features), userDescription]) {
    const names = [...xml.matchAll(/<reg name="([^"]+)"/g)].map((m) => m[1]);
    const numbers = [...xml.matchAll(/regnum="(\d+)"/g)].map((m) => m[1]);
    expect([new Set(names).size, new Set(numbers).size]).toEqual([names.length, names.length]);
    expect(names).toEqual(expect.arrayContaining(['zero', 't6', 'pc', 'ft11', 'fcsr']));
  }
  expect(hartDescription(machine.features)).toContain('name="hgatp"');
});

it('the auxiliary vector is found behind arguments and environment', () => {
  const stack = [2n, 0x1000n, 0x1010n, 0n, 0x1020n, 0n, 3n, 0x2_0040n, 9n, 0x2_05b0n, 0n, 0n, 77n];
  const read = (at: bigint): bigint | undefined => stack[Number(at - 0x8000n) / 8];
  expect([...new BigUint64Array(auxiliaryVector(0x8000n, read)!.buffer)]).toEqual([3n, 0x2_0040n, 9n, 0x2_05b0n, 0n, 0n]);
  expect([
    auxiliaryVector(0x9000n, read), auxiliaryVector(0x8000n, (at) => (at < 0x8048n ? read(at) : undefined))
  ]).toEqual([undefined, undefined]);
});

it("signals have GDB's numbers", () => {
  expect([1, 5, 7, 9, 10, 11, 17, 31, 32, 33, 64].map(gdbSignal)).toEqual([1, 5, 10, 9, 30, 11, 20, 12, 77, 45, 78]);
});

describe('the server', () => {
  const open: { end(): void }[] = [];
  afterEach(() => { for (const o of open.splice(0)) o.end(); });

  async function serve(): Promise<{ port: number; lines: string[]; server: GdbServer; dial: () => Promise<Client> }> {
    const lines: string[] = [];
    const server = new GdbServer(machineTarget(1).target, { port: 0, log: (line) => lines.push(line) });
    const port = await server.listen();
    open.push({ end: () => server.close() });
    return { port, lines, server, dial: () => Client.dial(port) };
  }

  /** A raw connection. */
  class Client {
    readonly socket: Socket;
    readonly closed: Promise<void>;
    got = '';
    constructor(socket: Socket) {
      this.socket = socket;
      socket.on('error', () => {});
      socket.on('data', (b) => { this.got += b.toString('latin1'); });
      this.closed = new Promise((resolve) => socket.on('close', () => resolve()));
      open.push({ end: () => socket.destroy() });
    }
    static dial(port: number): Promise<Client> {
      return new Promise((resolve) => {
        const socket = connect(port, '127.0.0.1', () => resolve(new Client(socket)));
      });
    }
    async says(bytes: string | Buffer, answer: string): Promise<void> {
      this.socket.write(bytes);
      while (!this.got.includes(answer) && !this.socket.destroyed) await new Promise((resolve) => setTimeout(resolve, 1));
      expect(this.got).toContain(answer);
    }
  }

  it('says where it waits, and that a port is taken', async () => {
    const { port, lines } = await serve();
    expect(lines).toEqual([`waiting for gdb on port ${port}`]);
    const second = new GdbServer(machineTarget(1).target, { port, log: () => {} });
    await expect(second.listen()).rejects.toMatchObject({ code: 'E_GDB', message: expect.stringContaining('is in use') });
  });

  it('turns a second client away, and takes the next when the first has gone', async () => {
    const { dial, lines, server } = await serve();
    const first = await dial();
    await first.says(packet('?'), 'T05');
    await (await dial()).closed;
    expect(lines.at(-1)).toContain('second client');
    await first.says(packet('D'), '$OK#');
    await first.closed;
    expect(server.paused).toBe(false);
    const third = await dial();
    await third.says(packet('?'), 'T05');
    expect(server.paused).toBe(true);
  });

  it('survives clients that send rubbish or vanish: one line, and the next is served', async () => {
    const { dial, lines } = await serve();
    const rubbish: (string | Buffer)[] = [
      'GET / HTTP/1.1\r\n\r\n', Buffer.alloc(PACKET_BYTES + 10, '$').fill('m', 1), '$g#00'.repeat(20), Buffer.from([0xff, 0xfe, 0])
    ];
    for (const bytes of rubbish) {
      const before = lines.length;
      const client = await dial();
      client.socket.write(bytes);
      await client.closed;
      expect(lines.slice(before)).toEqual([expect.stringMatching(/^gdb: the client .*stands still until another client connects$/)]);
    }
    const half = await dial();
    half.socket.write('$m8000');
    half.socket.destroy();
    await half.closed;
    while (!lines.at(-1)!.includes('the connection was lost')) await new Promise((resolve) => setTimeout(resolve, 1));
    const good = await dial();
    await good.says(packet('g'), '$0000');
  });

  it('asks nothing of the target for a client that does not read its answers; it gets them all when it does', async () => {
    const { target } = machineTarget(1), read = vi.spyOn(target, 'readMemory'), many = 8000;
    const server = new GdbServer(target, { port: 0, log: () => {} }), client = await Client.dial(await server.listen());
    open.push({ end: () => server.close() });
    client.socket.pause();
    client.socket.write(packet('m80000000,1000').toString('latin1').repeat(many));
    for (let turn = 0, before = -1; turn < 200; turn = read.mock.calls.length === before ? turn + 1 : 0) {
      before = read.mock.calls.length;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(read.mock.calls.length).toBeLessThan(many * 0.75);
    let answers = 0;
    client.socket.removeAllListeners('data').on('data', (bytes) => { for (const b of bytes) if (b === 0x23) answers++; });
    client.socket.resume();
    while (answers < many) await new Promise((resolve) => setImmediate(resolve));
    expect(answers).toBe(many);
  });

  it('takes away the breakpoints of a client that vanishes while the target runs', async () => {
    const { machine, target } = machineTarget(1);
    const server = new GdbServer(target, { port: 0, log: () => {} });
    open.push({ end: () => server.close() });
    const client = await Client.dial(await server.listen());
    await client.says(packet('Z0,80000004,2'), '$OK#');
    client.socket.write(packet('vCont;c'));
    while (server.paused) await server.changed();
    client.socket.destroy();
    await client.closed;
    while (server.connected) await new Promise((resolve) => setTimeout(resolve, 1));
    expect([server.paused, machine.run({ maxInstructions: 100 }).kind]).toEqual([false, 'instructions']);
  });

  it('random bytes in random pieces do no harm', async () => {
    const { dial, server } = await serve();
    await fc.assert(fc.asyncProperty(fc.array(fc.oneof(fc.uint8Array({ maxLength: 50 }),
      fc.constantFrom('$', '#', '+', '-', '\x03', '}').map((c) => Buffer.from(c)), fc.string().map(packet)),
      { maxLength: 12 }),
      async (pieces) => {
      const client = await dial();
      for (const piece of pieces) client.socket.write(piece);
      client.socket.end();
      await client.closed;
      while (server.connected) await new Promise((resolve) => setTimeout(resolve, 1));
    }), { numRuns: 40 });
    const good = await dial();
    await good.says(packet('?'), 'T05');
  });
});
