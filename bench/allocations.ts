/**
 * `npx tsx bench/allocations.ts`: bytes of JavaScript's heap that a call of the Unix server takes, by call and by the function that takes
 * them; no microkernel beneath. What V8's sampling sees counts, collected or not, when the functions are compiled.
 */
import { Session, type HeapProfiler } from 'node:inspector';
import { promisify } from 'node:util';
import { AT, O } from '../l4guest/abi/linux.ts';
import { Unix } from '../l4guest/testing/unix.ts';
import { dispatch, rows } from '../l4guest/syscalls/table.ts';

const CALLS = 100_000, WARM = 50_000, SAMPLED_BYTES = 512, SHOWN = 4;
const u = new Unix(), t = u.main, numbers = new Map<string, number>(rows.map((r) => [r.name, r.nr]));
for (const name of ['/tmp/a', '/tmp/a/b']) u.call('mkdirat', AT.FDCWD, name, 0o755);
const file = u.call('openat', AT.FDCWD, '/tmp/a/b/file', O.RDWR | O.CREAT, 0o644)!;
u.call('write', file, 'x'.repeat(4096), 4096);
const encode = (text: string): Uint8Array => new TextEncoder().encode(`${text}\0`);
const path = u.put(encode('/tmp/a/b/file')), none = u.put(encode('/tmp/a/b/none')), buffer = u.space(4096);
for (let i = 0; i < 20; i++) u.call('openat', AT.FDCWD, `/tmp/a/file${i}`, O.CREAT, 0o644);
const names = u.call('openat', AT.FDCWD, '/tmp/a', O.DIRECTORY)!;

const cases: Readonly<Record<string, () => void>> = {
  'getppid': caller('getppid'),
  'look-up of four names (faccessat)': caller('faccessat', AT.FDCWD, path, 4),
  'look-up of what is not there': caller('faccessat', AT.FDCWD, none, 4),
  'newfstatat of four names': caller('newfstatat', AT.FDCWD, path, buffer, 0),
  'fstat': caller('fstat', file, buffer),
  'statx': caller('statx', AT.FDCWD, path, 0, 0xfff, buffer),
  'pread64 of one byte': caller('pread64', file, buffer, 1, 0),
  'pread64 of 4 KiB': caller('pread64', file, buffer, 4096, 0),
  'pwrite64 of one byte': caller('pwrite64', file, buffer, 1, 0),
  'getdents64 of 23 entries': () => { call('lseek', names, 0, 0); call('getdents64', names, buffer, 4096); },
  'openat and close': () => { call('close', call('openat', AT.FDCWD, path, O.RDONLY, 0)); },
};
function call(name: string, a = 0, b = 0, c = 0, d = 0, e = 0): number {
  return dispatch(t, numbers.get(name)!, a, b, c, d, e, 0) as number;
}
function caller(name: string, first = 0, second = 0, third = 0, fourth = 0, fifth = 0): () => void {
  const nr = numbers.get(name)!;
  return () => { dispatch(t, nr, first, second, third, fourth, fifth, 0); };
}

const session = new Session();
session.connect();
const post = promisify(session.post.bind(session)) as unknown as (method: string, params?: object) => Promise<unknown>;

/** Bytes by function. */
async function allocated(act: () => void): Promise<Map<string, number>> {
  for (let i = 0; i < WARM; i++) act();
  await post('HeapProfiler.startSampling', {
    samplingInterval: SAMPLED_BYTES, includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true
  });
  for (let i = 0; i < CALLS; i++) act();
  const { profile } = await post('HeapProfiler.stopSampling') as { profile: HeapProfiler.SamplingHeapProfile };
  const bytes = new Map<string, number>();
  const visit = (node: HeapProfiler.SamplingHeapProfileNode): void => {
    const name = node.callFrame.functionName || '(anonymous)';
    if (node.selfSize > 0) bytes.set(name, (bytes.get(name) ?? 0) + node.selfSize);
    for (const child of node.children) visit(child);
  };
  visit(profile.head);
  return bytes;
}

for (const [name, act] of Object.entries(cases)) {
  const bytes = await allocated(act), total = [...bytes.values()].reduce((a, b) => a + b, 0) / CALLS;
  const most = [...bytes].sort((a, b) => b[1] - a[1]).slice(0, SHOWN).filter(([, n]) => n / CALLS >= 1);
  const by = most.map(([f, n]) => `${f} ${(n / CALLS).toFixed(0)}`).join(', ');
  console.log(`${name.padEnd(36)}${total.toFixed(0).padStart(6)} bytes a call  ${by}`);
}
