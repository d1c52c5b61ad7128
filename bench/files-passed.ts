/**
 * The files that a disk read of a virtual machine passes, from the guest's bell to its interrupt: those of which a function runs
 * meanwhile, as V8 counts them. Kernel and engine are left out: what passes them is every trap and message.
 *
 *   npx tsx bench/files-passed.ts
 */
import { Session } from 'node:inspector/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assemble } from '../hardware/isa/assemble.ts';
import { bootScenario } from '../index.ts';
import { FileDisk } from '../cli/disk/disk.ts';
import { machineWorld } from '../scenarios/machine-world.ts';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = fileURLToPath(new URL('..', import.meta.url));
const DEVICE = 0x1000_1000, DESC = 0x8040_0000, AVAIL = 0x8040_1000, USED = 0x8040_2000, HEAD = 0x8040_3000, DATA = 0x8050_0000,
  MIB = 2 ** 20;
const store = (size: 'h' | 'w' | 'd', at: number, value: number): string => `li t0, ${at}; li t1, ${value}; s${size} t1, 0(t0)`;
const reg = (offset: number, value: number): string => store('w', DEVICE + offset, value);
const descriptor = (n: number, address: number, length: number, flags: number): string =>
  [store('d', DESC + 16 * n, address), store('w', DESC + 16 * n + 8, length), store('w', DESC + 16 * n + 12, flags | ((n + 1) << 16))].join(
    '\n');

/** A guest that reads 128 KiB in 32 pieces, twice, with long pauses: the second read is looked at, when everything is warm. */
const guest = assemble(`
  ${[store('w', 0xc00_0004, 1), store('w', 0xc00_2080, 2), reg(0x70, 0), reg(0x70, 3), reg(0x24, 1), reg(0x20, 1), reg(0x70, 11), reg(0x38, 64), reg(0x80, DESC), reg(0x90, AVAIL), reg(0xa0, USED), reg(0x44, 1), reg(0x70, 15)].join('\n')}
  ${[store('w', HEAD, 0), descriptor(0, HEAD, 16, 1), ...Array.from({ length: 32 }, (_, i) => descriptor(i + 1, DATA + 8192 * i, 4096, 3)), descriptor(33, HEAD + 64, 1, 2)].join('\n')}
  li s1, 1
round: li t0, 4000000
pause: addi t0, t0, -1; bnez t0, pause
  li t0, ${AVAIL}; sh s1, 2(t0)
  ${reg(0x50, 0)}
  addi s1, s1, 1
  j round
`, 0x8020_0000).bytes;

const file = join(mkdtempSync(join(tmpdir(), 'tessera-files-')), 'disk.img');
writeFileSync(file, Buffer.alloc(MIB));
const disk = new FileDisk({ path: file, readOnly: false });
const world = machineWorld({ kernel: 'kernel', memory: 16 * MIB, disks: 1, more: { raw: true } });
const system = bootScenario(world, { output: () => {}, consoles: 1, disks: [disk], modules: [{ name: 'kernel', bytes: guest }] }, {});
const inspector = new Session();
inspector.connect();
// One read is between 8 and 16 million cycles, the other from there to 24 million.
system.runFor(13_000_000);
await inspector.post('Profiler.enable');
await inspector.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
system.runFor(7_000_000);
const { result } = await inspector.post('Profiler.takePreciseCoverage');
disk.close();

const passed = result.filter((f) => f.functions.some((fn) => fn.functionName !== '' && fn.ranges[0].count > 0)).map((f) => f.url)
  .filter((u) => u.startsWith('file:')).map((u) => relative(root, fileURLToPath(u)));
const devices = passed.filter((f) => !/^(microkernel|machine\/(?!devices)|system|bench|node_modules|cli\/(?!disk)|\.\.)/.test(f)).sort();
console.log(devices.join('\n'));
console.log(`${devices.length} files`);
process.exit(0);
