/**
 * A disk of a virtual machine, from the guest's ring to the board and back: how many messages that takes, that the guest continues, and
 * what a reset and a death do.
 */
import { describe, expect, it } from 'vitest';
import { bootScenario } from './audited.ts';
import { assemble } from '../hardware/isa/assemble.ts';
import type { BlockBackend } from '../machine/index.ts';
import { audit } from '../microkernel/index.ts';
import { blockDriver, consoleDriver } from '../scenarios/devices.ts';
import { machineComponent } from '../scenarios/worlds.ts';
import type { Scenario } from '../roottask/scenario.ts';
import { Cause } from '../microkernel/abi/index.ts';

const ENTRY = 0x8020_0000, MIB = 1 << 20;
const DEVICE = 0x1000_1000, DESC = 0x8040_0000, AVAIL = 0x8040_1000, USED = 0x8040_2000, HEAD = 0x8040_3000, STATUS = 0x8040_3100,
  DATA = 0x8050_0000;
const IN = 0, OUT = 1, FLUSH = 4, ZEROES = 13;

class MemoryDisk implements BlockBackend {
  readonly readOnly = false;
  readonly data = new Uint8Array(4 * MIB).map((_, i) => (i >> 9) + (i & 1));
  log: string[] = [];
  /** Requests fail. */
  broken = false;
  get size(): number { return this.data.length; }
  read(offset: number, into: Uint8Array): void {
    if (this.broken) throw new Error('no');
    into.set(this.data.subarray(offset, offset + into.length));
  }
  write(offset: number, from: Uint8Array): void {
    this.log.push(`write ${offset}+${from.length}`);
    this.data.set(from, offset);
  }
  flush(): void { this.log.push('flush'); }
}

/** What of the guest's memory or output is compared. */
interface Run {
  readonly status: number;
  readonly text: string;
  readonly messages: number;
  readonly cycles: number;
  readonly problems: readonly string[]
}

async function run(body: string, disk: MemoryDisk, more: Partial<Scenario> = {}, virt: object = {}): Promise<Run> {
  let text = '';
  const kernel = assemble(`
    lui s0, 0x10000
    li s2, ${DEVICE}
    ${body}
finish: lui t0, 0x100; lui t1, 5; addi t1, t1, 0x555; sw t1, 0(t0)
hang: wfi
    j hang
`, ENTRY).bytes;
  const vm = machineComponent({ kernel: 'kernel', memory: 16 * MIB, disks: 1, more: { raw: true, ...virt } },
    { console: 'terminal', disk0: 'disk0' });
  const scenario: Scenario = {
    name: 'vm-disk', summary: '', status: 'vm', components: { terminal: consoleDriver('console0'), disk0: blockDriver('disk0'), vm },
    ...more
  };
  const system = bootScenario(scenario,
    {
      output: (channel, bytes) => { if (channel === 'console0') text += new TextDecoder('latin1').decode(bytes); }, consoles: 1,
      disks: [disk], modules: [{ name: 'kernel', bytes: kernel }]
    },
    { maxInstructions: 50_000_000 });
  const { status } = await system.run(), { counters } = system.kernel;
  const exits = counters.events.slice(Cause.sbi, Cause.guestTrap + 1).reduce((a, b) => a + b, 0), messages = counters.ipc + 2 * exits;
  return { status, text, messages, cycles: system.machine.events.now, problems: audit(system.kernel) };
}

// ── the guest, in pieces ──

const store = (size: 'b' | 'h' | 'w' | 'd', at: number, value: number | bigint): string =>
  `li t0, ${at}; li t1, ${value}; s${size} t1, 0(t0)`;
const reg = (offset: number, value: number): string => store('w', DEVICE + offset, value);
const descriptor = (n: number, address: number, length: number, flags: number, next: number): string =>
  [store('d', DESC + 16 * n, address), store('w', DESC + 16 * n + 8, length), store('w', DESC + 16 * n + 12, flags | (next << 16))].join(
    '\n');
/** The driver's half up to DRIVER_OK, and an interrupt controller that passes the disk's interrupt on to a hart that does not look. */
const setUp = [
  store('w', 0xc00_0004, 1), store('w', 0xc00_2080, 2), // priority of source 1, enabled for S mode of hart 0
  reg(0x70, 0), reg(0x70, 3), reg(0x24, 0), reg(0x20, 1 << 9), reg(0x24, 1), reg(0x20, 1), reg(0x70, 11), reg(0x30, 0), reg(0x38, 64),
  reg(0x80, DESC), reg(0x90, AVAIL), reg(0xa0, USED), reg(0x44, 1), reg(0x70, 15),
].join('\n');
/** A request whose first descriptor is `first`. */
function request(first: number, type: number, sector: number, pieces: readonly { at: number; length: number }[]): string {
  const head = HEAD + 32 * first, last = first + pieces.length + 1;
  return [
    store('w', head, type), store('d', head + 8, sector), store('b', STATUS + first, 0xee), descriptor(first, head, 16, 1, first + 1),
    ...pieces.map((p, i) => descriptor(first + 1 + i, p.at, p.length, type === IN ? 3 : 1, first + 2 + i)),
    descriptor(last, STATUS + first, 1, 2, 0),
  ].join('\n');
}
/** Makes the n-th request (from 0) available; the bell is separate. */
const offer = (n: number, first: number): string => [store('h', AVAIL + 4 + 2 * (n % 64), first), store('h', AVAIL + 2, n + 1)].join('\n');
const bell = reg(0x50, 0);
let labels = 0;
/** Counts in s5 how often it looks until `count` requests are used. */
const waitFor = (count: number): string =>
  `li t0, ${USED}; li t1, ${count}; wait${++labels}: addi s5, s5, 1; lhu t2, 2(t0); bne t2, t1, wait${labels}`;
const print = (at: number): string => `li t0, ${at}; lbu a0, 0(t0); sb a0, 0(s0)`;
const pages = (count: number, at = DATA): { at: number; length: number }[] =>
  Array.from({ length: count }, (_, i) => ({ at: at + 8192 * i, length: 4096 }));

describe('a disk of a virtual machine', () => {
  it('takes at most 8 messages for a request of 128 KiB in 32 pieces, the interrupt included, and the guest goes on meanwhile',
    async () => {
    const disk = new MemoryDisk(), prepared = [setUp, request(0, IN, 7, pages(32)), offer(0, 0)].join('\n');
    const without = await run(prepared, disk),
      asked = await run(`${prepared}\n${bell}\nli s5, 0\n${waitFor(1)}\n${print(STATUS)}\n`
        + `sltiu a0, s5, 1000; addi a0, a0, 0x30; sb a0, 0(s0)`,
        disk);
    expect([without.status, asked.status, asked.text.charCodeAt(0), asked.text[1], asked.problems]).toEqual([0, 0, 0, '0', []]);
    const printed = 2 * 2; // two characters more
    expect(asked.messages - without.messages - printed).toBeLessThanOrEqual(8);
  });

  it('has several requests in flight: eight reads take the time of their bytes, not of eight waits', async () => {
    const disk = new MemoryDisk(), count = 8,
      requests = Array.from({ length: count },
        (_, n) => [request(3 * n, IN, 8 * n, [{ at: DATA + 4096 * n, length: 512 }]), offer(n, 3 * n)].join('\n'));
    const together = await run([setUp, ...requests, bell, waitFor(count)].join('\n'), disk);
    const apart = await run([setUp, ...requests.map((r, n) => `${r}\n${bell}\n${waitFor(n + 1)}`)].join('\n'), disk);
    expect([together.status, apart.status]).toEqual([0, 0]);
    expect(apart.cycles - together.cycles).toBeGreaterThan(60_000);
  });

  it('reads, writes, flushes and zeroes what it is told, in pieces of any length', async () => {
    const disk = new MemoryDisk(), before = disk.data.slice();
    const odd = [{ at: DATA + 1, length: 100 }, { at: DATA + 8193, length: 900 }, { at: DATA + 3, length: 24 }]; // 1024 bytes
    const code = [setUp, request(0, IN, 3, [{ at: DATA + 0x1_0000, length: 512 }]), offer(0, 0), bell, waitFor(1), print(DATA + 0x1_0000),
      print(DATA + 0x1_0001),
      store('b', DATA + 1, 0x51), store('b', DATA + 8193, 0x52), request(4, OUT, 10, odd), offer(1, 4), bell, waitFor(2), print(STATUS + 4),
      request(12, FLUSH, 0, []), offer(2, 12), bell, waitFor(3), print(STATUS + 12),
      store('d', DATA + 0x2_0000, 20), store('w', DATA + 0x2_0008, 2), store('w', DATA + 0x2_000c, 0),
      request(16, ZEROES, 0, [{ at: DATA + 0x2_0000, length: 16 }]), offer(3, 16), bell, waitFor(4), print(STATUS + 16),
      request(20, IN, 8191, [{ at: DATA, length: 1024 }]), offer(4, 20), bell, waitFor(5), print(STATUS + 20)].join('\n');
    const ran = await run(code, disk);
    expect([ran.status, [...ran.text].map((c) => c.charCodeAt(0)), ran.problems]).toEqual([0, [3, 4, 0, 0, 0, 1], []]);
    expect([
      disk.data[5120], disk.data[5220], disk.data.subarray(10_240, 11_264).every((b) => b === 0), disk.data[11_264]
    ]).toEqual([0x51, 0x52, true, before[11_264]]);
    expect(disk.log.filter((l) => l === 'flush').length).toBe(1);
  });

  it('writes nothing into the guest after a reset, and serves what comes later', async () => {
    const disk = new MemoryDisk(), mark = (i: number): string => store('b', DATA + 8192 * i, 0x2e);
    const spin = (n: number): string => `li t0, ${n}; spin${++labels}: addi t0, t0, -1; bnez t0, spin${labels}`;
    // While 128 KiB are on their way the device is reset; afterwards memory is as it was, for as long as one looks.
    const code = [setUp, request(0, IN, 7, pages(32)), offer(0, 0), mark(0), mark(31), bell, spin(2000), reg(0x70, 0), spin(100_000),
      print(DATA), print(DATA + 8192 * 31), print(USED + 2),
      store('w', AVAIL, 0), setUp, request(0, IN, 65, [{ at: DATA, length: 512 }]), offer(0, 0), bell, waitFor(1), print(DATA)].join('\n');
    const ran = await run(code, disk);
    expect([ran.status, ran.text, ran.problems]).toEqual([0, '..\0A', []]);
  });

  it('writes nothing into the machine that comes after a reboot', async () => {
    const disk = new MemoryDisk();
    // Time tells the first run from the second, as in test/vmm.spec.ts.
    const code = `rdtime a0; li a1, 50000; bgeu a0, a1, second
      ${[setUp, request(0, IN, 7, pages(32)), offer(0, 0)].join('\n')}
      later: rdtime a0; bltu a0, a1, later
      ${bell}; lui t0, 0x100; li t1, 0x7777; sw t1, 0(t0)
      stay: j stay
      second: li t0, 200000; look: addi t0, t0, -1; bnez t0, look
      ${print(DATA)}; ${print(DATA + 8192 * 31)}`;
    expect(await run(code, disk)).toMatchObject({ status: 0, text: '\0\0', problems: [] });
  });

  it('gives the guest an I/O error when the host has one, and when the driver is no more', async () => {
    const disk = new MemoryDisk(),
      once = (n: number): string =>
        [request(3 * n, IN, 7, [{ at: DATA, length: 512 }]), offer(n, 3 * n), bell, waitFor(n + 1), print(STATUS + 3 * n)].join('\n');
    disk.broken = true;
    expect((await run([setUp, once(0)].join('\n'), disk)).text).toBe('\u0001');
    const alive = new MemoryDisk();
    const ran = await run([
      setUp, once(0), 'li a0, 0x2e; sb a0, 0(s0); rdtime a1; li t0, 200000; add a1, a1, t0; pause: rdtime a0; bltu a0, a1, pause', once(1)
    ].join(
      '\n'),
      alive, { actions: [{ kill: 'disk0', afterText: '.' }] });
    expect([ran.status, ran.text]).toEqual([0, '\0.\u0001']);
  });

  // A device wrote no more to a page that had once been a traced table or scanned code: Debian met that as an I/O error of its disk.
  it.each([{ virt: 'hardware' }, { virt: 'trap', shadow: 'sync' }, { virt: 'trap', shadow: 'traced' }, { virt: 'patch' }])(
    'reads into pages that have been a table and code, under %j', async (virt) => {
    const disk = new MemoryDisk(), root = DATA, code = DATA + 8192, GIB = 2 ** 30, ret = 0x8067, leaf = 0xcf;
    const used = [
      store('d', root, leaf), store('d', root + 16, ((2 * GIB) / 4096) * 1024 + leaf), // 1 GiB each: devices, memory
      store('w', code, ret), 'fence.i', `li t0, ${8n << 60n | BigInt(root / 4096)}; csrw satp, t0; sfence.vma`,
      `li t1, ${code}; jalr ra, 0(t1)`, 'csrw satp, zero; sfence.vma',
      ...Array.from({ length: 8 }, (_, i) => store('d', root + 8 * i, 0)),
    ].join('\n');
    const { status, text } = await run([setUp, used, request(0, IN, 7, pages(2)), offer(0, 0), bell, waitFor(1), print(STATUS), print(DATA),
      print(DATA + 512), print(code), print(code + 512)].join('\n'), disk, {}, virt);
    expect([status, ...Buffer.from(text, 'latin1')]).toEqual([0, 0, 7, 8, 15, 16]);
  });
});
