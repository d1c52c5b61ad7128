/**
 * `npx tsx bench/where.ts COMMAND…`, for example `run guests/bin/linux/intmix 200000`: where a run's instructions are executed, and where
 * the host's time goes. The command runs from the sources (so functions carry the names of their files) under V8's sampling profiler;
 * loading them counts for Node, so measure runs of some seconds.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { answerHelp } from '../test/tool.ts';

answerHelp(import.meta.filename);

interface Frame { readonly functionName: string; readonly url: string }
interface Node { readonly id: number; readonly hitCount: number; readonly callFrame: Frame; readonly children?: readonly number[] }
interface Profile { readonly nodes: readonly Node[]; readonly samples: readonly number[]; readonly timeDeltas: readonly number[] }
interface Counts { readonly regions: number; readonly interpretedInstructions: number; readonly translatedInstructions: number }
/** The data of one run: V8's profile, the engine's counts, microseconds of processor time. */
interface Run { readonly profile: Profile; readonly engine: Counts; readonly cpu: { readonly user: number; readonly system: number } }

const root = fileURLToPath(new URL('..', import.meta.url));
/** Groups of our folders and files; the first match counts. */
const ROOMS: readonly (readonly [part: string, room: string])[] = [
  ['machine/engine/', 'translating'], ['machine/semantics/', 'translating'], ['hardware/isa/', 'translating'],
  ['machine/hart/mmu', 'walks and TLBs'], ['machine/hart/access', 'walks and TLBs'], ['machine/hart/contexts', 'walks and TLBs'],
  ['machine/hart/victims', 'walks and TLBs'],
  ['machine/hart/', 'harts: traps, registers of control, software floating point'], ['machine/', 'machine: the rest'],
  ['hardware/', 'chips'],
  ['microkernel/', 'microkernel'], ['roottask/', 'roottask'], ['l4guest/', 'Unix server'], ['vmm/', 'monitor'], ['network/', 'network'],
  ['system/', 'system'], ['cli/', 'command'], ['trace/', 'trace'], ['scenarios/', 'system'], ['library/', 'system'],
  ['node_modules/', 'loading: other packages'], ['node:', 'Node'],
];

/** The WebAssembly function that JavaScript enters most is the interpreter; the second is the dispatcher. */
function engineModule(byId: ReadonlyMap<number, Node>): { url: string; interpreter: string } | undefined {
  const hits = new Map<string, number>();
  for (const { callFrame, children = [] } of byId.values()) {
    if (!/^(GenericJSToWasmWrapper|js-to-wasm)/.test(callFrame.functionName) && !callFrame.url.includes('machine/engine/')) continue;
    for (const { callFrame: frame, hitCount } of children.map((id) => byId.get(id)!))
      if (frame.url.startsWith('wasm'))
        hits.set(`${frame.url} ${frame.functionName}`, (hits.get(`${frame.url} ${frame.functionName}`) ?? 0) + hitCount);
  }
  const [most] = [...hits].sort((a, b) => b[1] - a[1])[0] ?? [];
  if (most === undefined) return undefined;
  const [url, interpreter] = most.split(' ') as [string, string];
  return { url, interpreter };
}

function roomOf({ functionName, url }: Frame, engine: ReturnType<typeof engineModule>): string {
  if (url.startsWith('wasm')) return url !== engine?.url ? 'regions' : functionName === engine.interpreter ? 'interpreter' : 'dispatcher';
  if (/^(GenericJSToWasmWrapper|wasm-to-js|js-to-wasm)/.test(functionName)) return 'between JavaScript and WebAssembly';
  if (url === '' && /^(Module|Instance|Memory|Table|set)$/.test(functionName)) return 'compiling and loading modules';
  if (/^\((garbage collector|program|idle)\)$/.test(functionName)) return functionName.slice(1, -1);
  return ROOMS.find(([part]) => url.includes(part))?.[1] ?? 'the host\'s own functions';
}

function run(command: string, words: readonly string[]): Run {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-where-')), stats = join(folder, 'stats'), usage = join(folder, 'usage');
  const script = `const { main } = await import(${JSON.stringify(pathToFileURL(join(root, 'cli/main.ts')).href)});
const { writeFileSync } = await import('node:fs');
process.on('exit', () => writeFileSync(${JSON.stringify(usage)}, JSON.stringify(process.cpuUsage())));
await main(process.argv.slice(1));`;
  const profiler = ['--cpu-prof', '--cpu-prof-interval', '500', `--cpu-prof-dir=${folder}`, '--import', 'tsx', '--input-type=module'];
  const line = [...profiler, '-e', script, '--', command, `--stats=${stats}`, ...words];
  const child = spawnSync(process.execPath, line, { cwd: root, stdio: 'inherit' });
  if (child.status !== 0) console.error(`(the command ended with status ${child.status})`);
  try {
    const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'));
    const found = readdirSync(folder).find((name) => name.endsWith('.cpuprofile'))!;
    return { profile: read(found) as Profile, engine: (read('stats') as Run).engine, cpu: read('usage') as Run['cpu'] };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function print({ profile, engine, cpu }: Run): void {
  const byId = new Map(profile.nodes.map((n) => [n.id, n])), engineIn = engineModule(byId), rooms = new Map<string, number>();
  profile.samples.forEach((id, i) => {
    const room = roomOf(byId.get(id)!.callFrame, engineIn);
    rooms.set(room, (rooms.get(room) ?? 0) + profile.timeDeltas[i]! / 1000);
  });
  const { interpretedInstructions: interpreted, translatedInstructions: translated } = engine, all = interpreted + translated;
  const busy = [...rooms].reduce((sum, [room, ms]) => sum + (room === 'idle' ? 0 : ms), 0);
  const said = `interpreted ${share(interpreted, all)}, translated ${share(translated, all)} (${engine.regions} regions)`;
  console.log(`instructions: ${(all / 1e6).toFixed(1)} million; ${said}`);
  const host = `${(cpu.user / 1e6).toFixed(2)} s user, ${(cpu.system / 1e6).toFixed(2)} s system`;
  console.log(`host: ${host}; main thread ${(busy / 1000).toFixed(2)} s, waits for a processor included`);
  console.log('| main thread | ms | share |\n|---|--:|--:|');
  rooms.delete('idle');
  for (const [room, ms] of [...rooms].sort((a, b) => b[1] - a[1])) console.log(`| ${room} | ${ms.toFixed(0)} | ${share(ms, busy)} |`);
}

function share(part: number, whole: number): string { return `${(100 * part / whole).toFixed(1)} %`; }

const [command, ...words] = process.argv.slice(2);
if (command !== undefined && ['run', 'vm', 'bare', 'boot'].includes(command)) print(run(command, words));
else {
  console.error('usage: npx tsx bench/where.ts (run|vm|bare|boot) OPTIONS…');
  process.exitCode = 2;
}
