/** Traces of whole systems: the captured payload, that capturing changes nothing, causality, and every query of docs/queries.md. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { bootScenario } from './audited.ts';
import { Gateway } from '../machine/index.ts';
import { Cause, Kind, Ops } from '../microkernel/abi/index.ts';
import { openNet, valueOf, type Program } from '../roottask/client/index.ts';
import { netDriver } from '../scenarios/devices.ts';
import { assemble } from '../hardware/isa/assemble.ts';
import twoWorlds from '../scenarios/two-worlds.ts';
import { machineComponent, unixComponent } from '../scenarios/worlds.ts';
import { Capture } from '../system/capture/capture.ts';
import { vocabularyFor } from '../system/vocabulary.ts';
import {
  INCOMING, Part, RecordView, TraceFile, TraceRecorder, analyse, callText, criticalPath, eventWords, firstDivergence, originOf, pcapng,
  sentence
} from '../trace/index.ts';
import { TraceDatabase, rowsText } from '../trace/sql/query.ts';
import { SCHEMA } from '../trace/sql/schema.ts';
import { root } from './tessera.ts';

/** A guest that writes `hm` to its serial port, looks at the line's status, and powers off. */
const guest = assemble(`li a0, 0x10000000; li a1, 104; sb a1, 0(a0); li a1, 109; sb a1, 0(a0); lbu a2, 5(a0)
  li a7, 0x54494d45; li a6, 0; li a0, -1; ecall
  li a7, 0x53525354; li a6, 0; li a0, 0; li a1, 0; ecall`, 0x8020_0000).bytes;
const programs = ['sh', 'cat', 'seq', 'sort', 'ls', 'mkdir', 'sleep'];
const script = 'seq 5 | sort -r | cat; ls /proc/self; cat /nosuch; mkdir /tmp/a; sleep 0.02; echo bye';
/** A pipeline and a file that is not there on the left, the guest on the right. */
const scenario = {
  ...twoWorlds, name: 'traced', expect: [{ from: 'linux', text: 'bye' }, { from: 'vm', text: 'hm' }],
  components: {
    ...twoWorlds.components,
    vm: machineComponent({ kernel: 'poke', memory: 16 << 20, more: { raw: true } }, { console: { from: 'console', label: 'vm' } }),
    linux: unixComponent({ argv: ['/bin/sh', '-c', script], env: ['PATH=/bin'], files: programs, memory: 32 << 20 },
      { stdio: { from: 'console', label: 'linux' }, stderr: { from: 'console', label: 'linux' } }),
  },
};
const modules = [
  ...programs.map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(root, 'guests/bin/linux', name))) })),
  { name: 'poke', bytes: guest }
];

/** A recording of the scenario. */
async function record({ tracePayload, engine }: {
  tracePayload?: string[]; engine?: 'interp' | 'jit'
}): Promise<{ bytes: Uint8Array; trace: TraceFile }> {
  const parts: Uint8Array[] = [],
    recorder = new TraceRecorder({ write: (b) => parts.push(b.slice()), close: () => undefined }, { words: vocabularyFor(scenario) });
  const system = bootScenario(scenario,
    {
      modules, output: () => undefined, door: { arrivals: [{ cycle: 10_000_000, channel: 'uart', kind: 'bytes', data: Uint8Array.of(13) }] }
    },
    { trace: recorder, engine, capture: tracePayload && ((sink) => new Capture(sink, tracePayload)) });
  expect(await system.run()).toMatchObject({ status: 0, missing: [] });
  recorder.close();
  const bytes = new Uint8Array(Buffer.concat(parts));
  return { bytes, trace: new TraceFile(bytes) };
}

let bytes: Uint8Array, trace: TraceFile;
beforeAll(async () => { ({ bytes, trace } = await record({ tracePayload: ['all'] })); });
const lines = (keep: (r: RecordView) => boolean): string[] =>
  Array.from(trace.records(), (r) => r.clone()).filter(keep).map((r) => sentence(r, originOf(trace, r)));

describe('payload', () => {
  it('shows system calls as strace does, with texts, buffers, flags and results', () => {
    const calls = lines((r) => r.kind === Kind.resume).join('\n');
    expect(calls).toContain('execve("/bin/seq", ["seq", "5"], ');
    expect(calls).toMatch(/openat\(AT_FDCWD, "\/nosuch", O_RDONLY\) = -1 ENOENT/);
    expect(calls).toMatch(/mkdirat\(AT_FDCWD, "\/tmp\/a", 0\d+\) = 0/);
    expect(calls).toMatch(/write\(1, "5\\n4\\n3\\n2\\n1\\n", 10\) = 10/);
    expect(calls).toMatch(/read\(0, "1\\n2\\n3\\n4\\n5\\n", \d+\) = 10/);
    expect(calls).toMatch(/pipe2\(0x[0-9a-f]+, .*\) = 0/);
  });
  it('shows accesses to devices by register and value, requests with their operands, operations with theirs', () => {
    const all = lines((r) => r.kind === Kind.event || r.kind === Kind.call || r.kind === Kind.invoke).join('\n');
    expect(all).toMatch(/^store serial\.data = 0x68$/m);
    expect(all).toMatch(/^load serial\.lsr$/m);
    expect(lines((r) => r.kind === Kind.resume).join('\n')).toMatch(/after load serial\.lsr = 0x60$/m);
    expect(all).toMatch(/^SBI time\.set_timer\(-1\)$/m);
    expect(all).toMatch(/^call names\.lookup\(.*"\)|^call names\.register\("stream"\)/m);
    expect(all).toMatch(/^factory\.createThread\(sel=\d+, task=\d+, flags=4, utcb=0x0, hart=0\)$/m);
    expect(all).toMatch(/^page fault: (load|store|fetch) at 0x/m);
  });
  it('changes nothing: the records are the same without it', async () => {
    const plain = await record({});
    expect([plain.trace.hasPayload, trace.hasPayload]).toEqual([false, true]);
    expect(firstDivergence(plain.trace, trace)).toBeUndefined();
  });
  it('is the same bytes whatever the engine', async () => {
    const other = await record({ tracePayload: ['all'], engine: 'interp' });
    expect(Buffer.compare(other.bytes, bytes)).toBe(0);
  });
  it('is that of the tasks that were named, and of those they serve', async () => {
    const some = (await record({ tracePayload: ['v*'] })).trace, tasks = new Set<string>();
    for (const record of some.records()) if (some.payload(record.sequence).length > 0) tasks.add(some.taskOf(record.actor));
    expect([...tasks].sort()).toEqual(['vm', 'vm guest']);
  });
});

describe('network frames', () => {
  /** Sends an ARP request for 10.0.2.2, and waits for the answer. */
  const asker: Program = {
    name: 'asker',
    *main(sys, env) {
      const net = valueOf(yield* openNet(sys, env, 'net')), everybody = [255, 255, 255, 255, 255, 255];
      yield* net.send(sys,
        [
          Uint8Array.from([...everybody, ...net.mac, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, ...net.mac, 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2])
        ]);
      while (valueOf(yield* net.receive(sys)).length === 0) yield* sys.down(net.arrivals, Ops.semaphore.down);
    },
  };
  it('are captured with the payload, and exported for Wireshark', async () => {
    const components = { card: netDriver('net0'), asker: { program: asker, caps: { net: 'card' } } }, parts: Uint8Array[] = [];
    const recorder = new TraceRecorder({ write: (b) => parts.push(b.slice()), close: () => undefined });
    const system = bootScenario({ name: 'wire', summary: '', components, budget: 5e9 },
      { output: () => undefined, nets: [{ connect: new Gateway().port }] },
      { trace: recorder, capture: (sink) => new Capture(sink, ['none']) });
    expect(await system.run()).toMatchObject({ status: 0 });
    recorder.close();
    const wire = new TraceFile(new Uint8Array(Buffer.concat(parts))), capture = Buffer.concat([...pcapng(wire)]);
    const frames = Array.from(wire.records(), (r) => wire.payload(r.sequence).filter((p) => p.part === Part.frame)).flat();
    expect(frames.map((f) => [f.index, f.bytes.length, f.bytes[8 + 21]])).toEqual([[0, 50, 1], [INCOMING, 50, 2]]);
    expect(capture.length).toBeGreaterThan(200);
  });
});

describe('causality', () => {
  it('every answer names its request, every mapping of a fault the fault, every wake-up its cause', () => {
    const view = new RecordView();
    let faultMaps = 0, wakes = 0;
    for (const record of trace.records()) {
      const cause = record.cause === 0 ? undefined : trace.at(trace.indexOf(record.cause), view);
      if (record.kind === Kind.resume) expect([cause!.kind, cause!.actor]).toEqual([Kind.event, record.object]);
      if (record.kind === Kind.reply) expect([cause!.kind, cause!.actor]).toEqual([Kind.call, record.object]);
      if (record.kind === Kind.receive) expect(cause!.actor).toBe(record.object);
      if (record.kind === Kind.map && cause?.kind === Kind.event) {
        faultMaps++;
        expect([cause.a, trace.taskOf(cause.actor)]).toEqual([Cause.pageFault, trace.taskOf(record.object)]);
      }
      if (record.kind === Kind.wake) {
        wakes++;
        expect(cause ? cause.kind : record.a).toBe(cause ? Kind.interrupt : record.a);
        expect(cause !== undefined || record.a !== 0).toBe(true);
      }
    }
    expect(faultMaps).toBeGreaterThan(100);
    expect(wakes).toBeGreaterThan(10);
  });
  it('a critical path goes back from the answer to the request, through the server', () => {
    const at = Array.from(trace.records(), (r) => r.clone()),
      write = at.find((r) => r.kind === Kind.event && r.a === Cause.syscall && callText(r).startsWith('write(1, "5'))!;
    const answer = at.find((r) => r.kind === Kind.resume && r.cause === write.sequence)!,
      path = criticalPath(trace, trace.indexOf(write.sequence), trace.indexOf(answer.sequence));
    expect(path.complete).toBe(true);
    expect(path.steps.reduce((n, s) => n + s.took, 0)).toBe(answer.time - write.time);
    expect(eventWords(write, answer)).toMatch(/ = \d+$/);
  });
  it('time is that of the harts: processes, servers, guest, kernel and idle add up', () => {
    const stats = analyse(trace), all = stats.time.reduce((n, t) => n + t.cycles, 0);
    expect(Math.abs(all / (stats.lastTime - stats.firstTime) - 1)).toBeLessThan(0.01);
    expect(new Set(stats.time.map((t) => t.mode))).toEqual(new Set(['process', 'server', 'guest', 'kernel', 'idle']));
  });
});

describe('docs/queries.md', () => {
  const page = readFileSync(join(root, 'docs/queries.md'), 'utf8'),
    [schema, ...queries] = [...page.matchAll(/```sql\n([^]*?)```/g)].map((m) => m[1]!);
  it('shows the schema as it is', () => expect(schema).toBe(SCHEMA));
  it('has queries that all answer something', async () => {
    const db = await TraceDatabase.of(trace);
    expect(queries.length).toBeGreaterThan(12);
    for (const query of queries) {
      const text = [...rowsText(db.query(query), 'table')].join('');
      expect(text, `${query}\n${text}`).not.toMatch(/^0 rows$/m);
      expect(text.split('\n').length, query).toBeGreaterThan(3);
    }
    db.close();
  });
});
