/**
 * Networks end to end: programs on a switch with the board's card behind it, Debian's kernel at the built-in gateway from the bare machine
 * and from a virtual machine, two virtual machines on one switch; captures as Wireshark reads them.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { imagesFolder } from '../cli/images/where.ts';
import type { Program } from '../index.ts';
import { bootScenario } from './audited.ts';
import { TestEvents } from '../machine/devices/testing.ts';
import { Gateway } from '../machine/index.ts';
import { Ops, type Sys } from '../microkernel/abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import { log, openNet, valueOf, type Env, type Net } from '../roottask/client/index.ts';
import { consoleDriver, netDriver, switchComponent } from '../scenarios/devices.ts';
import { machineComponent } from '../scenarios/worlds.ts';
import { root, tessera, type Run } from './tessera.ts';

const images = imagesFolder(), kernel = join(images, 'vmlinuz'), initramfs = join(images, 'initramfs.cpio');
const missing = !existsSync(join(images, 'manifest.json'));
if (missing) console.warn('skipped: no images (tessera images fetch)');
const noTshark = spawnSync('tshark', ['--version']).status !== 0;
if (noTshark) console.warn('skipped: no tshark (apt install tshark)');

const folder = mkdtempSync(join(tmpdir(), 'tessera-net-'));
afterAll(() => rmSync(folder, { recursive: true }));
const minutes = 60_000;
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** A program with a port; its output goes to the log. */
const onNet = (main: (sys: Syscalls, env: Env, net: Net) => Sys<void>): Program => ({
  name: 'on-net',
  *main(sys, env) { yield* main(sys, env, valueOf(yield* openNet(sys, env, 'net'))); },
});
function* next(sys: Syscalls, net: Net): Sys<Uint8Array[]> {
  for (;;) {
    const frames = valueOf(yield* net.receive(sys));
    if (frames.length > 0) return frames;
    yield* sys.down(net.arrivals, Ops.semaphore.down);
  }
}
const frame = (to: Uint8Array, from: Uint8Array, payload: string): Uint8Array =>
  Uint8Array.from([...to, ...from, 0x88, 0xb5, ...new TextEncoder().encode(payload)]);
const payload = (f: Uint8Array): string => text(f.subarray(14)).replace(/\0+$/, '');
const EVERYBODY = new Uint8Array(6).fill(255);

describe('a switch', () => {
  it('carries frames between its clients, in order, a thousand of them', async () => {
    const count = 1000;
    const listener = onNet(function* (sys, _env, net) {
      let seen = 0, wrong = 0, peer: Uint8Array = EVERYBODY;
      while (seen < count) for (const frame of yield* next(sys, net)) {
        if (payload(frame) !== `n${seen++}`) wrong++;
        peer = frame.slice(6, 12);
      }
      yield* net.send(sys, [frame(peer, net.mac, `${seen - wrong} in order`)]);
    });
    const talker = onNet(function* (sys, env, net) {
      for (let n = 0; n < count; ) {
        const batch = Array.from({ length: Math.min(50, count - n) }, () => frame(EVERYBODY, net.mac, `n${n++}`));
        valueOf(yield* net.send(sys, batch));
        yield* sys.down(net.arrivals, Ops.semaphore.down, 1e6); // room for the listener
      }
      yield* log(sys, env, payload((yield* next(sys, net))[0]!));
    });
    let out = '';
    const components = {
      switch: switchComponent(), listener: { program: listener, caps: { net: 'switch' } },
      talker: { program: talker, caps: { net: 'switch' } }
    };
    const result = await bootScenario({ name: 'switch', summary: '', components, budget: 5e9 },
      { output: (_, b) => { out += text(b); } }).run();
    expect([out, result.status]).toEqual(['[talker] 1000 in order\n', 0]);
  });

  it('reaches the outside through the card of the board, and refuses frames that make no sense', async () => {
    const asker = onNet(function* (sys, env, net) {
      const arp = [0, 1, 8, 0, 6, 4, 0, 1, ...net.mac, 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2];
      const refused = yield* net.send(sys, [new Uint8Array(3)]);
      yield* net.send(sys, [Uint8Array.from([...EVERYBODY, ...net.mac, 8, 6, ...arp])]);
      const [answer] = yield* next(sys, net);
      yield* log(sys, env, `${refused.ok} ${[...answer!.subarray(28, 32)].join('.')}`);
    });
    let out = '';
    const components = { card: netDriver('net0'), switch: switchComponent('card'), asker: { program: asker, caps: { net: 'switch' } } };
    const result = await bootScenario({ name: 'uplink', summary: '', components, budget: 5e9 },
      { output: (_, b) => { out += text(b); }, nets: [{ connect: new Gateway().port }] }).run();
    expect([out, result.status]).toEqual(['[asker] false 10.0.2.2\n', 0]);
  });
});

describe('the scenario of docs/network.md', () => {
  it('boots as it stands there', async () => {
    const [, source] = /```ts\n([^]*?)```/.exec(readFileSync(join(root, 'docs/network.md'), 'utf8'))!, file = join(folder, 'asker.ts');
    writeFileSync(file, source!);
    expect(await tessera(['boot', file])).toMatchObject({
      status: 0, stdout: expect.stringContaining('[asker] 10.0.2.2 is at 52550a000202')
    });
  });
});

describe('--net', () => {
  it('says in one line what is wrong with it, and with too many cards', async () => {
    const disk = join(folder, 'disk');
    writeFileSync(disk, Buffer.alloc(512));
    const disks = Array.from({ length: 6 }, () => ['--disk', `${disk},ro`]).flat();
    expect(await tessera(['vm', '--kernel', 'guests/bin/minios.bin', ...disks, '--net', 'loop'])).toMatchObject({
      status: 2, stderr: 'tessera: E_OPTION: 6 disks and 1 network card are too many; the board has room for 6 of them together\n'
    });
    for (const kind of ['bare', 'vm']) {
      expect(await tessera([kind, '--kernel', 'guests/bin/minios.bin', '--net', 'wifi'])).toMatchObject({
        status: 2, stderr: expect.stringMatching(/^tessera: E_OPTION: option --net: 'wifi' [^\n]+\n$/)
      });
      const run = await tessera([kind, '--kernel', 'guests/bin/minios.bin', ...Array.from({ length: 8 }, () => ['--net', 'loop']).flat()]);
      expect(run).toMatchObject({ status: 2, stderr: expect.stringMatching(/^tessera: E_OPTION: [^\n]*card[^\n]*\n$/) });
    }
  });
});

const setUp = 'modprobe virtio_net; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0';
const boot = (kind: 'vm' | 'bare', command: string, more: string[] = [], input = ''): Promise<Run> =>
  tessera([kind, '--kernel', kernel, '--initrd', initramfs, '--append', `console=ttyS0 quiet RUN="${command}"`, ...more],
    { timeout: 4 * minutes, input });
const tshark = (file: string, ...filter: string[]): string =>
  spawnSync('tshark', ['-n', '-r', file, ...filter], { encoding: 'utf8' }).stdout;

describe.skipIf(missing).each(['bare', 'vm'] as const)("Debian's kernel with tessera %s --net gateway", (kind) => {
  const tftp = mkdtempSync(join(folder, 'tftp-')), capture = join(folder, `${kind}.pcapng`);
  writeFileSync(join(tftp, 'file'), Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7) & 0xff)));

  it('gets a lease, pings, and fetches a file', async () => {
    const run = await boot(kind,
      `${setUp}; udhcpc -i eth0 -n -q -s /bin/true 2>&1; ping -c 2 10.0.2.2; cd /tmp; tftp -g -r file 10.0.2.2; md5sum file; cat `
        + `/sys/bus/virtio/devices/virtio1/features; nproc; dmesg | grep -e SBI -e pmu-sbi`,
      ['--smp', kind === 'bare' ? '4' : '1', '--net', `gateway,tftp=${tftp},pcap=${capture}`]);
    expect(run.stdout).toContain('lease of 10.0.2.15 obtained from 10.0.2.2');
    expect(run.stdout).toContain('2 packets transmitted, 2 packets received, 0% packet loss');
    expect(run.stdout).toContain(`${createHash('md5').update(readFileSync(join(tftp, 'file'))).digest('hex')}  file`);
    // The built-in SBI of the bare machine, that of a VM: the same but for counters.
    for (const text of [
      'SBI specification v2.0 detected',
      ...['TIME', 'IPI', 'RFENCE', 'SRST', 'DBCN', 'HSM', 'SUSP'].map((e) => `SBI ${e} extension detected`)
    ])
      expect(run.stdout).toContain(text);
    expect(run.stdout.includes('16 firmware and 10 hardware counters')).toBe(kind === 'bare');
    expect(run.status).toBe(0);
    expect(run.stdout).toMatch(/\n1[01]{31}[01]{2}1/); // bit 34: packed rings
  }, 4 * minutes);

  it.skipIf(noTshark)('leaves a capture that Wireshark reads without complaint', () => {
    expect(tshark(capture, '-Y', 'icmp', '-T', 'fields', '-e', 'icmp.type').trim().split('\n')).toEqual(['8', '0', '8', '0']);
    expect(tshark(capture, '-Y', 'tftp.opcode == 3').trim().split('\n').length).toBe(10);
    expect(tshark(capture, '-o', 'ip.check_checksum:TRUE', '-o', 'udp.check_checksum:TRUE', '-Y',
      '_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0')).toBe(
      '');
  });
});

describe.skipIf(missing)('two virtual machines on one switch', () => {
  it('ping each other', async () => {
    const out: Record<string, string> = {};
    const machine = (n: number, command: string, caps: Record<string, string>) => machineComponent(
      {
        kernel: 'kernel', initrd: 'initrd', memory: 128 << 20, nets: 1,
        append: `console=ttyS0 quiet RUN="modprobe virtio_net; ip link set eth0 up; ip addr add 10.1.1.${n}/24 dev eth0; ${command}"`
      },
      { ...caps, net0: 'switch' });
    const components = {
      one: consoleDriver('console0'), two: consoleDriver('console1'), switch: switchComponent(),
      left: machine(1, 'until ping -c 1 -W 1 10.1.1.2 >/dev/null; do true; done; ping -c 2 10.1.1.2; echo bye | nc 10.1.1.2 99',
        { console: 'one' }),
      right: machine(2, 'nc -l -p 99 </dev/null', { console: 'two' }),
    };
    const modules = [{ name: 'kernel', bytes: readFileSync(kernel) }, { name: 'initrd', bytes: readFileSync(initramfs) }];
    const host = { output: (channel: string, b: Uint8Array) => { out[channel] = (out[channel] ?? '') + text(b); }, consoles: 2, modules };
    const result = await bootScenario({ name: 'two', summary: '', components, budget: 60e9 }, host).run();
    expect(out['console0']).toContain('2 packets transmitted, 2 packets received, 0% packet loss');
    expect(out['console1']).toContain('bye');
    expect(result.status).toBe(0);
  }, 4 * minutes);
});

/** A program at the other end of a cable: a gateway over a TCP connection, each frame after its length. */
function gatewayServer(): Promise<Server> {
  const server = createServer((socket) => {
    const events = new TestEvents(), gateway = new Gateway().port(events);
    let rest: Buffer = Buffer.alloc(0);
    socket.on('error', () => {});
    gateway.onFrame((answer) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(answer.length);
      socket.write(Buffer.concat([length, answer]));
    });
    socket.on('data', (data) => {
      rest = Buffer.concat([rest, data]);
      while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE()) {
        gateway.send(Uint8Array.from(rest.subarray(4, 4 + rest.readUInt32BE())));
        rest = rest.subarray(4 + rest.readUInt32BE());
        events.advanceTo(events.now + 1e6);
      }
    });
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

describe('a cable to another program', () => {
  it.skipIf(missing)('carries frames of a virtual machine both ways, which a recording brings again without the program', async () => {
    const server = await gatewayServer(), { port } = server.address() as AddressInfo, recording = join(folder, 'vm.rec'),
      net = ['--net', `connect=127.0.0.1:${port}`];
    const first = await boot('vm', `${setUp}; ping -c 3 -i 0.2 10.0.2.2; date`, [...net, '--record', recording]);
    await new Promise((resolve) => server.close(resolve));
    expect(first).toMatchObject({
      status: 0, stdout: expect.stringContaining('3 packets transmitted, 3 packets received, 0% packet loss')
    });
    const again = await boot('vm', `${setUp}; ping -c 3 -i 0.2 10.0.2.2; date`, [...net, '--replay', recording]);
    expect(again).toEqual(first);
    expect(await boot('vm', 'true', net)).toMatchObject({
      status: 2, stderr: expect.stringMatching(/^tessera: E_NET: option --net: the cable cannot be connected[^\n]+\n$/)
    });
  }, 4 * minutes);

  const opensbi = '/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.elf', uboot = '/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf';
  it.skipIf(!existsSync(opensbi) || !existsSync(uboot))('carries those of the bare machine, where U-Boot pings', async () => {
    const server = await gatewayServer(), { port } = server.address() as AddressInfo, recording = join(folder, 'bare.rec');
    const run = (more: string[]): Promise<Run> =>
      tessera(['bare', opensbi, '--kernel', uboot, '--memory', '256M', '--net', `connect=127.0.0.1:${port}`, ...more],
        { input: ' setenv autoload no; dhcp; ping 10.0.2.2; poweroff\n', timeout: 2 * minutes });
    const first = await run(['--record', recording]);
    await new Promise((resolve) => server.close(resolve));
    expect(first).toMatchObject({ status: 0, stdout: expect.stringContaining('host 10.0.2.2 is alive') });
    expect(await run(['--replay', recording])).toEqual(first);
    expect(await run([])).toMatchObject({ status: 2, stderr: expect.stringContaining('E_NET') });
  }, 4 * minutes);
});
