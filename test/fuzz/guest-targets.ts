/**
 * Doors of the Unix server: structures that a program passes as bytes. Each input gets a new server without a microkernel; only an
 * exception is a failure.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Window } from '../../microkernel/abi/index.ts';
import { S } from '../../l4guest/abi/linux.ts';
import { TmpDir } from '../../l4guest/fs/tmpfs.ts';
import { inetOf } from '../../l4guest/net/inet/inet.ts';
import { addUplink } from '../../l4guest/net/inet/uplink.ts';
import { Unix } from '../../l4guest/testing/unix.ts';
import type { FuzzTarget } from './target.ts';

const text = (s: string): Uint8Array => new TextEncoder().encode(s);
const program = (path: string): Uint8Array => readFileSync(new URL(`../../${path}`, import.meta.url));
/** Little-endian fields, so many bytes each. */
function fields(...parts: readonly (readonly [bytes: number, value: number])[]): Uint8Array {
  const out: number[] = [];
  for (const [bytes, value] of parts) for (let i = 0; i < bytes; i++) out.push(Math.floor(value / 256 ** i) & 255);
  return Uint8Array.from(out);
}
const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** A server whose /tmp/x has these contents. */
function withFile(bytes: Uint8Array, pages = 1024): Unix {
  const unix = new Unix({ pages }), tmp = unix.k.root.lookup('tmp');
  if (!(tmp instanceof TmpDir)) throw new Error('no /tmp');
  tmp.add('x', tmp.create(S.IFREG | 0o755, 0, { bytes: new Window(bytes, false), pfn: 0 }));
  return unix;
}

/** A small file system of each kind, where the tools to create it are installed. */
function images(): Uint8Array[] {
  if (spawnSync('mkfs.ext4', ['-V']).status !== 0) return [];
  return [['ext4', '-O', '^64bit,^metadata_csum,^has_journal', '-b', '1024'], ['ext2', '-b', '1024']].map(([type, ...options]) => {
    const base = mkdtempSync(join(tmpdir(), 'tessera-fuzz-')), dir = join(base, 'd'), file = join(base, 'image');
    try {
      mkdirSync(join(dir, 'sub'), { recursive: true });
      writeFileSync(join(dir, 'sub/file'), 'x'.repeat(3000));
      symlinkSync('sub/file', join(dir, 'link'));
      execFileSync('mkfs.ext4', ['-q', '-t', type!, ...options, '-N', '16', '-d', dir, file, '96k'], { stdio: 'pipe' });
      return new Uint8Array(readFileSync(file));
    } finally { rmSync(base, { recursive: true }); }
  });
}
/** A FAT of 12 bits and one of 16 with a folder, a long name and a file of several clusters. */
function fatImages(): Uint8Array[] {
  if (spawnSync('mkfs.fat', ['--help']).error || spawnSync('mcopy', ['-V']).error) return [];
  return [['-F', '12', '-C', '96'], ['-F', '16', '-s', '1', '-C', '2200']].map(([...options]) => {
    const base = mkdtempSync(join(tmpdir(), 'tessera-fuzz-')), file = join(base, 'image'), large = join(base, 'large');
    try {
      writeFileSync(large, 'x'.repeat(5000));
      execFileSync('mkfs.fat', [...options.slice(0, -2), '-C', file, options.at(-1)!], { stdio: 'pipe' });
      execFileSync('mmd', ['-i', file, '::sub'], { stdio: 'pipe' });
      execFileSync('mcopy', ['-i', file, large, '::sub/a long name of a file.text'], { stdio: 'pipe' });
      return new Uint8Array(readFileSync(file));
    } finally { rmSync(base, { recursive: true }); }
  });
}
function lookAround(unix: Unix, folder: string, depth: number): void {
  for (const name of unix.list(folder).filter((n) => n !== '.' && n !== '..').slice(0, 40)) {
    const path = `${folder}/${name}`, fd = unix.open(path);
    unix.call('newfstatat', -100, path, unix.space(128), 0x100);
    unix.call('readlinkat', -100, path, unix.space(256), 256);
    if (fd >= 0) { unix.read(fd, 8192); unix.call('close', fd); }
    if (depth > 0) lookAround(unix, path, depth - 1);
  }
}

const NETLINK = 16, RAW = 3, NLM = 0x301;
/** nlmsghdr and a body. */
const netlink = (type: number, body: Uint8Array): Uint8Array =>
  joined(fields([4, 16 + body.length], [2, type], [2, NLM], [4, 1], [4, 0]), body);

/** A filter: opcode, jumps, constant each. */
const filter = (...rows: readonly (readonly [number, number, number, number])[]): Uint8Array =>
  joined(...rows.map(([code, t, f, k]) => fields([2, code], [1, t], [1, f], [4, k])));

const inside = (unix: Unix) => {
  const inet = inetOf(unix.k);
  return { stack: inet.stack, act: (what: () => void) => inet.act(what) };
};

/** Files of settings, and the values each accepts. */
const SETTINGS: readonly (readonly [path: string, good: string])[] = [
  ['/proc/self/uid_map', '0 0 1\n'], ['/proc/self/gid_map', '0 1000 10\n'], ['/proc/self/oom_score_adj', '100'],
  ['/proc/self/comm', 'name'],
  ['/proc/self/coredump_filter', '33'], ['/proc/self/clear_refs', '1'], ['/proc/self/timerslack_ns', '50000'],
  ['/proc/sys/kernel/hostname', 'host'], ['/proc/sys/kernel/sem', '250 32000 32 128'],
  ['/proc/sys/net/ipv4/ip_local_port_range', '32768 60999'],
  ['/proc/sys/vm/overcommit_memory', '1'], ['/proc/sys/kernel/core_pattern', '|/bin/x %p'], ['/proc/sys/fs/pipe-max-size', '4096'],
];
const MOUNTS = ['tmpfs size=1m,mode=755,nr_inodes=10', 'overlay lowerdir=/tmp:/proc,upperdir=/tmp,workdir=/tmp', 'proc hidepid=2',
  'devpts newinstance', 'ext4 ro,errors=continue'];

export const guestTargets: Readonly<Record<string, () => FuzzTarget>> = {
  ext4: () => ({
    seeds: images(),
    run: (input) => {
      const unix = withFile(input, 512);
      unix.call('mkdirat', -100, '/tmp/m', 0o755);
      unix.call('ioctl', unix.open('/dev/loop0', 2), 0x4c00, unix.open('/tmp/x'));
      if (unix.call('mount', '/dev/loop0', '/tmp/m', 'ext4', 1, 0) === 0) lookAround(unix, '/tmp/m', 2);
    },
  }),
  fat: () => ({
    seeds: fatImages(),
    run: (input) => {
      const unix = withFile(input, 512);
      unix.call('mkdirat', -100, '/tmp/m', 0o755);
      unix.call('ioctl', unix.open('/dev/loop0', 2), 0x4c00, unix.open('/tmp/x'));
      if (unix.call('mount', '/dev/loop0', '/tmp/m', 'vfat', 1, 0) === 0) lookAround(unix, '/tmp/m', 2);
    },
  }),
  exec: () => ({
    seeds: [program('guests/bin/linux/echo').slice(0, 8192), text('#!/tmp/x -a b\n'), text('#! /bin/sh\necho\n')],
    run: (input) => {
      const unix = withFile(input), thread = unix.fork(), argv = unix.put(fields([8, unix.put(text('/tmp/x\0'), thread)], [8, 0]), thread);
      unix.callOf(thread, 'execve', '/tmp/x', argv, 0);
    },
  }),
  netlink: () => {
    const attribute = (type: number, bytes: Uint8Array): Uint8Array => joined(fields([2, 4 + bytes.length], [2, type]), bytes,
        new Uint8Array(-bytes.length & 3)),
      address = joined(fields([1, 2], [1, 24], [1, 0], [1, 0], [4, 1]), attribute(2, Uint8Array.of(10, 1, 2, 3))),
      route = joined(fields([1, 2], [1, 24], [1, 0], [1, 0], [1, 254], [1, 3], [1, 0], [1, 1], [4, 0]),
        attribute(1, Uint8Array.of(10, 9, 0, 0)), attribute(4, fields([4, 1])), attribute(5, Uint8Array.of(10, 1, 2, 1))),
      link = joined(fields([2, 0], [2, 0], [4, 1], [4, 1], [4, 1]), attribute(3, text('lo\0')));
    return {
      seeds: [...[20, 21, 22].map((n) => netlink(n, address)), ...[24, 25, 26].map((n) => netlink(n, route)), ...[16, 18, 19].map((n) =>
        netlink(n, link)), netlink(20, fields([1, 2], [1, 1], [1, 0], [1, 0], [4, 0xffff_ffff]))],
      run: (input) => {
        const unix = new Unix();
        for (const protocol of [0, 4]) {
          const fd = unix.call('socket', NETLINK, RAW, protocol)!;
          unix.call('sendto', fd, input, input.length, 0, 0, 0);
          for (let i = 0; i < 4; i++) unix.call('recvfrom', fd, unix.space(8192), 8192, 0x40, 0, 0);
        }
      },
    };
  },
  seccomp: () => ({
    seeds: [filter([0x20, 0, 0, 0], [0x15, 0, 1, 172], [0x06, 0, 0, 0x5_0001], [0x06, 0, 0, 0x7fff_0000]),
      filter([0x20, 0, 0, 16], [0x54, 0, 0, 0xff], [0x02, 0, 0, 3], [0x61, 0, 0, 3], [0x3c, 0, 0, 0], [0x05, 0, 0, 1], [0x06, 0, 0, 0],
        [0x16, 0, 0, 0])],
    run: (input) => {
      const unix = new Unix(), thread = unix.fork(), head = unix.put(fields([8, input.length >> 3], [8, unix.put(input, thread)]), thread);
      unix.callOf(thread, 'prctl', 38, 1, 0, 0, 0);
      if (unix.callOf(thread, 'seccomp', 1, 0, head) === 0)
        for (const name of ['getpid', 'getppid', 'uname']) unix.callOf(thread, name, 0x1234, 0xffff_ffff, 7);
    },
  }),
  ancillary: () => ({
    seeds: [fields([8, 20], [4, 1], [4, 1], [4, 1], [4, 0]), fields([8, 28], [4, 1], [4, 2], [4, 2], [4, 0], [4, 0], [4, 0]),
      fields([8, 20], [4, 0], [4, 2], [4, 64], [4, 0], [8, 20], [4, 41], [4, 52], [4, 3], [4, 0])],
    run: (input) => {
      const unix = new Unix(), at = unix.space(8), part = unix.put(fields([8, unix.put(text('x'))], [8, 1]));
      const message = (control: number, length: number): number =>
        unix.put(fields([8, 0], [8, 0], [8, part], [8, 1], [8, control], [8, length], [8, 0]));
      unix.call('socketpair', 1, 2, 0, at);
      const pair = [unix.u32(at), unix.u32(at + 4)] as const, other = unix.call('socket', 2, 2, 0)!;
      for (const fd of [pair[0], other]) unix.call('sendmsg', fd, message(unix.put(input), input.length), 0x40);
      unix.call('recvmsg', pair[1], message(unix.space(256), input.length % 256), 0x40);
    },
  }),
  settings: () => ({
    seeds: [...SETTINGS.map(([, good]) => text(good)), ...MOUNTS.map(text)],
    run: (input) => {
      const unix = new Unix();
      for (const [path] of SETTINGS) {
        const fd = unix.open(path, 1);
        if (fd >= 0) { unix.call('write', fd, input, input.length); unix.call('close', fd); }
        unix.read(unix.open(path));
      }
      const [type = '', options = ''] = new TextDecoder().decode(input).split(' ');
      unix.call('mkdirat', -100, '/tmp/m', 0o755);
      unix.call('mount', 'x', '/tmp/m', type, 0, options);
      unix.list('/tmp');
    },
  }),
  'guest-frames': () => {
    const mac = Uint8Array.of(2, 0, 0, 0, 0, 1),
      six = joined(mac, Uint8Array.of(2, 0, 0, 0, 0, 9), Uint8Array.of(0x86, 0xdd, 0x60, 0, 0, 0));
    const packet = (next: number, body: Uint8Array): Uint8Array => joined(six, Uint8Array.of(0, body.length, next, 64), new Uint8Array(15),
      Uint8Array.of(9), new Uint8Array(15), Uint8Array.of(1), body);
    return {
      seeds: [
        packet(58,
          fields([1, 134], [1, 0], [2, 0], [1, 64], [1, 0], [2, 1800], [8, 0], [1, 3], [1, 4], [1, 64], [1, 192], [12, 0], [16, 1])),
        packet(0, fields([1, 17], [1, 0], [1, 5], [1, 2], [4, 0], [2, 53], [2, 53], [2, 8], [2, 0])),
        packet(44, fields([1, 17], [1, 0], [2, 0x100], [4, 7], [8, 1])),
        joined(mac, Uint8Array.of(2, 0, 0, 0, 0, 9, 8, 0, 0x46, 0, 0, 40, 0, 1, 0x20, 0, 64, 17),
          Uint8Array.of(0, 0, 10, 0, 2, 2, 10, 0, 2, 15, 7, 4, 4, 0), fields([2, 53], [2, 53], [2, 8], [2, 0]))
      ],
      run: (input) => {
        const unix = new Unix(), { stack, act } = inside(unix), link = { mac, mtu: 1500, send: () => undefined },
          face = addUplink(unix.k, link, { address: [10, 0, 2, 15], bits: 24, gateway: [10, 0, 2, 2] });
        act(() => { for (let i = 0; i < 3; i++) stack.receive(face, input.slice(0, 1514)); });
        unix.pass(2e9);
      },
    };
  },
};
