/**
 * Every reader and door that untrusted bytes reach: its good inputs, and how it takes an input. A target throws only findings: it catches
 * regular errors (`TarError`, `CliError` …) by name.
 */
import { Window } from '../../microkernel/abi/index.ts';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { NodeFolder } from '../../cli/folders/folder.ts';
import { packCpio, unpackCpio } from '../../cli/cpio.ts';
import { CliError } from '../../cli/errors.ts';
import { PacketReader, packet } from '../../cli/gdb/packets.ts';
import { Stub } from '../../cli/gdb/stub.ts';
import type { Target } from '../../cli/gdb/target.ts';
import { parseNet } from '../../cli/net.ts';
import { count, memorySize, size } from '../../cli/options.ts';
import { loadTar } from '../../l4guest/fs/tar.ts';
import { Unix } from '../../l4guest/testing/unix.ts';
import { Gateway, GATEWAY_IP, GATEWAY_MAC } from '../../machine/net/gateway/gateway.ts';
import { parseElf } from '../../machine/loader/elf.ts';
import { readFdt, writeFdt, node, cells64 } from '../../machine/loader/fdt.ts';
import { loadProgram } from '../../machine/loader/kernel.ts';
import { TestEvents, TestMemory } from '../../machine/devices/testing.ts';
import { ip4 } from '../../network/address.ts';
import { checksum, put16 } from '../../network/bytes.ts';
import { Protocol, transportChecksum } from '../../network/ip/packet.ts';
import { Arp, arpFrame } from '../../network/link/ethernet.ts';
import { decodeEntries, decodeReply, encodeRequest, Malformed, messages, COMPOUND, NO_FID, VERSION,
  type MessageName } from '../../roottask/client/ninep/index.ts';
import { lineOf } from '../../scenarios/check.ts';
import { FileTree } from '../../system/files/archive.ts';
import { gunzip } from '../../system/files/gunzip.ts';
import { BadGzip } from '../../system/files/gzip.ts';
import { whyNotProgram } from '../../system/files/program.ts';
import { lookUp, parseTar, TarError } from '../../system/files/tar.ts';
import { NineServer } from '../../system/folders/server.ts';
import { SharedFolder } from '../../system/folders/shared.ts';
import { parseRecording, recordingHead, recordingLine } from '../../system/recording.ts';
import {
  Filter, FilterError, TraceFile, TraceFileError, TraceRecorder, Part, analyse, callReport, callTree, criticalPath, jsonLines, mermaid,
  pathReport, pcapng, perfetto, svg, payloadParts
} from '../../trace/index.ts';
import { bytesOf, story } from '../../trace/testing/traces.ts';
import { loadKernel } from '../../vmm/loaders/load.ts';
import { fakeRam } from '../../vmm/testing.ts';
import { guestTargets } from './guest-targets.ts';
import { moreTargets } from './more-targets.ts';
import type { FuzzTarget } from './target.ts';

const text = (s: string): Uint8Array => new TextEncoder().encode(s);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const root = new URL('../../', import.meta.url);
const program = (path: string): Uint8Array => readFileSync(new URL(path, root));

/** Runs; errors of these kinds are regular results. */
function answering(kinds: readonly (abstract new (...args: never[]) => Error)[], act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!kinds.some((kind) => error instanceof kind)) throw error;
  }
}

const archive = new FileTree({
  'bin/sh': { link: 'busybox' }, [`long/${'n'.repeat(120)}`]: 'x', 'etc/passwd': 'root:x:0:0::/:/bin/sh\n',
  'bin/busybox': { data: text('#!/bin/sh\n'), mode: 0o755 }
},
  ['tmp', 'dev']).bytes();

const tar = (): FuzzTarget => {
  const small = new FileTree({ a: 'b' }).bytes();
  return {
    seeds: [archive, small],
    run: (input) => answering([TarError], () => {
      const { entries, end } = parseTar(input);
      if (end > input.length) throw new Error(`the archive ends at ${end} of ${input.length}`);
      for (const name of ['bin/sh', ...entries.keys()]) lookUp(entries, name);
    }),
  };
};

function traceBytes(pack: boolean): Uint8Array {
  const parts: Uint8Array[] = [], records = bytesOf(story(3));
  const recorder = new TraceRecorder({ write: (b) => parts.push(b.slice()), close: () => undefined },
    pack ? { pack: (d: Uint8Array) => deflateRawSync(d) } : {});
  recorder.name('task', 1, 0, 'sh');
  recorder.payload(2, Part.text, 1, text('file'));
  recorder.drain(records, 1);
  recorder.close();
  return new Uint8Array(Buffer.concat(parts));
}

function readAllOf(trace: TraceFile): void {
  for (const record of trace.records()) for (const part of record.source?.payload(record.sequence) ?? []) void part;
  analyse(trace);
  for (const piece of [jsonLines(trace), perfetto(trace)]) for (const line of piece) void line;
  mermaid(trace);
  svg(trace);
  pcapng(trace);
  callReport(callTree(trace));
  const path = trace.length > 0 ? criticalPath(trace, 0, trace.length - 1) : undefined;
  if (path) pathReport(trace, path);
}

/** Requests that walk, open, make, rename, remove: a session of a guest. */
function sessionOfFiles(): Uint8Array[] {
  const all = { fid: 0, newfid: 1, names: ['a', 'b'], msize: 8192, version: VERSION, afid: NO_FID, user: '', tree: '', uid: 0, flags: 2,
    name: 'f', mode: 0o644, gid: 0, target: '../../etc/passwd', major: 1, minor: 3, folder: 0, mask: 0x7ff, valid: 0x1ff, size: 3n,
      atimeSec: 1, atimeNsec: 2, mtimeSec: 3, mtimeNsec: 4, offset: 0n, count: 4096, dataOnly: 0, kind: 1, start: 0n, length: 10n,
        process: 1, client: 'c', most: 100, newfids: [5, 6], fids: [1, 7], from: 0,
        oldName: 'f', to: 0, newName: 'g', oldTag: 1, data: text('hello'), parts: new Uint8Array(0) };
  const one = (name: MessageName, changes: object = {}): Uint8Array => encodeRequest(name, 1, { ...all, ...changes } as never);
  const start = [one('version'), one('attach')],
    open = [
      ...start, one('walk', { names: [] }), one('lcreate', { fid: 1 }), one('write', { fid: 1 }), one('read', { fid: 1 }),
      one('fsync', { fid: 1 }), one('lock', { fid: 1 }), one('getlock', { fid: 1 }), one('setattr', { fid: 1, valid: 0xff }),
      one('clunk', { fid: 1 })
    ];
  const list = [
    ...start, one('mkdir', { name: 'a' }), one('symlink', { name: 'l' }), one('mknod', { name: 'p', mode: 0o010644 }),
    one('walk', { names: [] }), one('lopen', { fid: 1, flags: 0 }), one('readdir', { fid: 1 }), one('statfs'), one('renameat'),
    one('unlinkat', { name: 'g' })
  ];
  const both = [one('version', { version: COMPOUND }), one('attach')], parts = (...list: Uint8Array[]): Uint8Array =>
    one('compound', { parts: joined(list) });
  const many = [...both, parts(one('walk', { names: [] }), one('lcreate', { fid: 1 }), one('getattr', { fid: 1 }),
    one('write', { fid: 1 })),
    parts(one('read', { fid: 1 }), one('clunk', { fid: 1 }), one('walk', { names: ['f'] }), one('lopen', { fid: 1, flags: 0 }),
      one('clunk', { fid: 1 }))],
    small = [...both, one('make', { newfid: 1 }), one('write', { fid: 1 }), one('take', { names: ['f', 'a'] }), one('read', { fid: 5 }),
      one('leave', { fids: [1, 5] })];
  return [...Object.keys(messages).map((name) => joined([...start, one(name as MessageName)])), ...[open, list, many, small].map(joined)];
}
const joined = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** A stream cut into messages by their own sizes, as a transport without limits would. */
function* messagesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const said = at + 4 <= bytes.length ? new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0, true) : 0,
      end = said >= 7 && at + said <= bytes.length ? at + said : bytes.length;
    yield bytes.slice(at, end);
    at = end;
  }
}

const files = (): FuzzTarget => {
  const base = mkdtempSync(join(tmpdir(), 'tessera-fuzz-')), folder = new NodeFolder(base), outside = join(base, '..', 'f');
  return {
    seeds: sessionOfFiles(),
    run: (input) => {
      const server = new NineServer(new SharedFolder(folder, true, () => 0n));
      for (const message of messagesOf(input)) {
        let replies = 0, size = 0;
        server.request(message, (reply) => { replies++; size = reply.length; });
        if (replies !== 1 || size < 7) throw new Error(`${replies} replies to a message, the last of ${size} bytes`);
      }
      server.close();
      if (existsSync(outside)) throw new Error('a file was made outside of the folder');
    },
    close: () => {
      folder.close();
      rmSync(base, { recursive: true, force: true });
    },
  };
};

const debugged = (): Target => ({
  description: '<target/>', coreRegisters: 33, threads: () => [{ id: 1, name: 'hart', state: 'stopped' }],
  readRegister: (_t, n) => (n < 70 ? new Uint8Array(8) : undefined), writeRegister: () => true,
  readMemory: (_t, _a, length) => new Uint8Array(Math.min(length, 4096)), writeMemory: () => true, insert: () => {}, remove: () => true,
  removeAll: () => {}, resume: () => {}, current: 1, physical: () => true, isPhysical: false, commands: {},
});
const GDB = [
  'qSupported:swbreak+', '?', 'g', 'G00', 'm80000000,10', 'M0,1:00', 'X0,1:a', 'p1', 'P1=0000000000000000', 'Hg1', 'Z0,80000000,4',
  'Z2,0,8;X3,220a27', 'z0,0,4', 'vCont?', 'vCont;s:1;c', 'qXfer:features:read:target.xml:0,fff', 'qRcmd,68656c70', 'T1', 'D', 'k',
  'QStartNoAckMode'
];

const MY_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1), MY_IP = ip4(10, 0, 2, 15), IP_AT = 14, TRANSPORT_AT = 34;

/** An Ethernet frame with an IPv4 packet to the gateway. */
function packetTo(protocol: number, payload: readonly number[]): Uint8Array {
  const length = TRANSPORT_AT - IP_AT + payload.length;
  return Uint8Array.from([
    ...GATEWAY_MAC, ...MY_MAC, 8, 0, 0x45, 0, length >> 8, length & 255, 0, 1, 0, 0, 64, protocol, 0, 0, ...MY_IP, ...GATEWAY_IP, ...payload
  ]);
}
const echo = [8, 0, 0, 0, 0, 1, 0, 1, ...text('ping')],
  syn = [0x10, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 2, 0xff, 0xff, 0, 0, 0, 0, 2, 4, 5, 0xb4];
const toTftp = [0x10, 0, 0, 69, 0, 22, 0, 0, 0, 1, ...text('file'), 0, ...text('octet'), 0];

/** Corrects checksums where there is a packet, because otherwise no input would get past them. */
function summed(frame: Uint8Array): Uint8Array {
  const out = frame.slice(), at: Readonly<Record<number, number>> = { [Protocol.ICMP]: 2, [Protocol.TCP]: 16, [Protocol.UDP]: 6 },
    protocol = out[IP_AT + 9] ?? 0, field = TRANSPORT_AT + (at[protocol] ?? 0);
  if (out.length < TRANSPORT_AT + 8 || field + 2 > out.length) return out;
  put16(out, IP_AT + 10, 0);
  put16(out, IP_AT + 10, checksum(out, IP_AT, TRANSPORT_AT));
  if (at[protocol] === undefined) return out;
  put16(out, field, 0);
  const body = out.subarray(TRANSPORT_AT);
  put16(out, field,
    protocol === Protocol.ICMP
      ? checksum(body)
      : transportChecksum(out.subarray(IP_AT + 12, IP_AT + 16), out.subarray(IP_AT + 16, IP_AT + 20), protocol, body));
  return out;
}

/** Each creates new state, so findings do not depend on earlier inputs. */
export const targets: Readonly<Record<string, () => FuzzTarget>> = {
  tar,
  'tar-in-guest': () => ({ seeds: [archive], run: (input) => { loadTar(new Unix().k.root, { bytes: new Window(input), pfn: 0 }); } }),
  gzip: () => ({
    seeds: [gzipSync(archive), gzipSync(text('hello'))], run: (input) => answering([BadGzip], () => { gunzip(input, 1 << 22); })
  }),
  elf: () => {
    const seeds = [program('guests/bin/native/pingpong'), program('guests/bin/linux/echo').slice(0, 8192)],
      memory = new TestMemory(1 << 20);
    return {
      seeds,
      run: (input) => {
        parseElf(input);
        whyNotProgram(input);
        loadProgram(memory, input, { base: 0x8000_0000, gunzip: (b) => gunzip(b, 1 << 20), raw: true });
      }
    };
  },
  kernel: () => {
    const image = new Uint8Array(4096), data = new DataView(image.buffer);
    data.setBigUint64(8, 0x20_0000n, true);
    data.setBigUint64(16, 8192n, true);
    image.set(text('RSC\x05'), 56);
    return {
      seeds: [image, gzipSync(image), program('guests/bin/native/pingpong')], run: (input) => { loadKernel(fakeRam(8 << 20), input); }
    };
  },
  fdt: () => {
    const tree = writeFdt(node('', { compatible: 'x', model: 'm' },
      [node('memory@80000000', { reg: cells64(0x8000_0000, 1 << 27) }), node('cpus', {}, [node('cpu@0', { 'riscv,isa': 'rv64' })])]));
    return { seeds: [tree], run: (input) => { readFdt(input); } };
  },
  cpio: () => ({
    seeds: [new Uint8Array(packCpio([{ name: 'bin', mode: 0o40755 }, { name: 'bin/sh', mode: 0o100755, data: text('hello') }]))],
    run: (input) => answering([RangeError], () => { for (const e of unpackCpio(input)) void e; })
  }),
  recording: () => ({
    seeds: [
      text([
        recordingHead(1), recordingLine({ cycle: 1, channel: 'console0', kind: 'size', columns: 80, rows: 24 }),
        recordingLine({ cycle: 2, channel: 'net0', kind: 'bytes', data: text('x') }),
        recordingLine({ cycle: 3, channel: 'uart', kind: 'end' }), ''
      ].join(
        '\n'))
    ],
    // Every mistake raises the same kind of error there.
    run: (input) => answering([Error], () => {
      for (const a of parseRecording(textOf(input)).arrivals) if (!(a.cycle >= 0)) throw new Error('a cycle');
    }),
  }),
  trace: () => ({
    seeds: [traceBytes(false), traceBytes(true)], run: (input) => answering([TraceFileError], () => readAllOf(new TraceFile(input)))
  }),
  payload: () => ({ seeds: [new Uint8Array(64).fill(1)], run: (input) => { for (const p of payloadParts(input)) void p; } }),
  filter: () => {
    const trace = new TraceFile(traceBytes(false));
    return {
      seeds: ['kind:call', 'nr:openat', 'task:sh time:1..5', '!kind:reply "a b"', 'latency>5', 'status:ok,dead'].map(text),
      run: (input) => answering([FilterError], () => {
        const filter = new Filter(textOf(input), trace);
        for (let i = 0; i < trace.length; i++) filter.test(trace.at(i), i);
      }),
    };
  },
  scenario: () => ({
    seeds: [text("export default defineScenario({ components: { 'a-b': { program: b, caps: { b: 'c' } } } });")],
    run: (input) => { lineOf(textOf(input), ['components', 'a-b', 'caps', 'b']); }
  }),
  options: () => ({
    seeds: ['512M', '1e9', '0x10', 'user,hostfwd=tcp::2222-:22', 'loop,pcap=x,mac=52:54:00:12:34:56', 'gateway,tftp=/tmp'].map(text),
    run: (input) => {
      for (const read of [size('--s'), memorySize('--m'), count('--c', 0, 9), parseNet])
        answering([CliError], () => { read(textOf(input)); });
    },
  }),
  files,
  'files-replies': () => ({
    seeds: Object.keys(messages).map((name, i) => Uint8Array.from([
      20, 0, 0, 0, messages[name as MessageName].type + 1, 1, 0, ...new Uint8Array(13).fill(i)
    ])),
    run: (input) => {
      for (const name of Object.keys(messages)) answering([Malformed], () => { decodeReply(name as MessageName, input); });
      answering([Malformed], () => { decodeEntries(input); });
    },
  }),
  gdb: () => ({
    seeds: GDB.map((data) => new Uint8Array(packet(data))),
    run: (input) => {
      const stub = new Stub(debugged(), { resumed: () => {}, detach: () => {}, kill: () => {}, restart: undefined });
      for (const got of new PacketReader().feed(input)) if (got.kind === 'packet') stub.answer(got.data);
      stub.answer(Buffer.from(input).toString('latin1'));
    },
  }),
  frames: () => ({
    seeds: [
      packetTo(Protocol.ICMP, echo), packetTo(Protocol.TCP, syn), packetTo(Protocol.UDP, toTftp),
      arpFrame(Arp.REQUEST, { mac: MY_MAC, ip: MY_IP }, { mac: undefined, ip: GATEWAY_IP })
    ],
    run: (input) => {
      const events = new TestEvents(), end = new Gateway({ files: new Map([['file', text('x'.repeat(2000))]]) }).port(events);
      end.onFrame(() => {});
      for (const frame of [input, summed(input), summed(input)]) end.send(frame.slice(0, 1518));
      events.advanceTo(events.now + 1e9);
    },
  }),
  ...guestTargets, ...moreTargets,
};
