/**
 * `npx tsx bench/soak.ts [--hours 8] [--seed N]`: a mixed load for hours of virtual time, to find anything that grows. A Debian machine and
 * a Unix server alternate between work and sleep. Prints a line each virtual half-hour: kernel memory, free memory of both worlds, the
 * engine's memory, the host's heap. Status 1 when kernel memory or the Unix server's free memory at the end differ from those after the
 * first half-hour, when the audit finds something, or when a world has died. Needs the Debian images.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packTar } from '../cli/pack.ts';
import { bootScenario, type Scenario } from '../index.ts';
import { audit } from '../microkernel/index.ts';
import { consoleMux } from '../roottask/console/console.ts';
import { uart } from '../roottask/drivers/uart.ts';
import { machineComponent, unixComponent } from '../scenarios/worlds.ts';
import { root } from './systems.ts';
import { readOptions } from '../test/tool.ts';

const { values } = readOptions(import.meta.filename, {
  options: { hours: { type: 'string', default: '8' }, seed: { type: 'string', default: '1' } }
});
const MIB = 1 << 20, HALF_HOUR = 1800e9, end = Number(values.hours) * 3600e9;
const UNIX = 'while true; do seq 3000 | sort -n | tail -n 1 >/dev/null; ls -lR / >/dev/null 2>&1; gzip -c /bin/busybox >/tmp/x.gz; rm '
  + '/tmp/x.gz; (sleep 1 & sleep 2; wait); sleep 57; echo "free $(grep MemFree /proc/meminfo)"; done';
const GUEST = 'while true; do ls -lR /proc/self /bin >/dev/null 2>&1; gzip -c /bin/busybox >/tmp/x.gz; rm /tmp/x.gz; sleep 60; echo "free '
  + '$(grep MemFree /proc/meminfo)"; done\n';

const scenario: Scenario = {
  name: 'soak', summary: 'a mixed load for hours',
  components: {
    uart: { program: uart, provides: ['stream'], devices: ['uart'], priority: 150 },
    console: {
      program: consoleMux, args: { script: [{ to: 'vm', after: 'READY', type: GUEST }] }, provides: ['stream'], caps: { out: 'uart' },
      priority: 140
    },
    vm: machineComponent({ kernel: 'vmlinuz', initrd: 'initramfs', append: 'console=ttyS0 quiet', memory: 256 * MIB },
      { console: { from: 'console', label: 'vm' } }),
    unix: unixComponent({ argv: ['/bin/sh', '-c', UNIX], env: ['PATH=/bin:/usr/bin'], rootfs: 'rootfs', memory: 64 * MIB },
      { stdio: { from: 'console', label: 'unix' }, stderr: { from: 'console', label: 'unix' } }),
  },
  log: 'console',
};

const image = (name: string): string => join(root, 'images', name);
if (!existsSync(image('vmlinuz'))) {
  console.error('soak: no images: run `npm run images`');
  process.exit(2);
}
const modules = [
  { name: 'vmlinuz', bytes: new Uint8Array(readFileSync(image('vmlinuz'))) },
  { name: 'initramfs', bytes: new Uint8Array(readFileSync(image('initramfs.cpio'))) },
  { name: 'rootfs', bytes: new Uint8Array(packTar([{ host: image('rootfs'), guest: '/' }])) },
];
let tail = '';
const free = new Map<string, number>();
const output = (_channel: string, bytes: Uint8Array): void => {
  tail += new TextDecoder().decode(bytes);
  for (const [, world, kib] of tail.matchAll(/\[(\w+)\] free MemFree: +(\d+)/g)) free.set(world!, Number(kib));
  tail = tail.slice(-300);
};
const system = bootScenario(scenario, { modules, output }, { seed: Number(values.seed) });

interface Sample { readonly kernel: number; readonly unix: number | undefined; readonly vm: number | undefined }
function sample(): Sample {
  global.gc?.();
  const { engine, instructions } = system.machine, engineStats = engine.stats(), host = process.memoryUsage();
  const state = { kernel: system.kernel.root.factory.used, unix: free.get('unix'), vm: free.get('vm') };
  console.log(`${(system.machine.now / 3600e9).toFixed(1)} h  kernel ${state.kernel} bytes, ${system.kernel.tasks.size} tasks; free: unix `
    + `${state.unix} KiB, vm ${state.vm} KiB; engine: ${engineStats.codePages} code pages, ${engineStats.regions} regions; host heap `
    + `${Math.round(host.heapUsed / MIB)} MiB; ${Math.round(instructions / 1e6)} M instructions, ${Math.round(system.wallSeconds)} s`);
  free.clear();
  return state;
}

let first: Sample | undefined, last: Sample | undefined, failure = '';
for (let next = HALF_HOUR; next <= end && !failure; next += HALF_HOUR) {
  while (system.machine.now < next) {
    const r = system.runFor(Math.min(20e9, next - system.machine.now));
    if (typeof r === 'object') { failure = `the run ended: ${r.ending} ${r.why}`; break; }
  }
  last = sample();
  first ??= last;
}
const found = audit(system.kernel);
if (found.length > 0) failure = `audit: ${found[0]}`;
if (!failure && (!last?.unix || !last.vm)) failure = 'a world is silent';
if (!failure && first && last && last.unix !== first.unix)
  failure = `the Unix server has ${last.unix} KiB free, after half an hour it had ${first.unix}`;
if (!failure && first && last && last.kernel > first.kernel + 64 * 1024)
  failure = `kernel memory has grown from ${first.kernel} to ${last.kernel} bytes`;
console.log(failure || `flat over ${values.hours} hours of virtual time`);
process.exitCode = failure ? 1 : 0;
