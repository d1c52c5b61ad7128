/**
 * Process accounting: a record of each process that ends, appended to a file.
 *
 * @spec linux include/uapi/linux/acct.h struct acct_v3
 */
import type { File } from '../fs/file.ts';
import { KernelIo } from '../mm/uaccess.ts';
import { bytesOf } from '../mm/text.ts';
import { cpuOfProcess } from './cputimers.ts';
import type { Kernel } from './kernel.ts';
import type { Process } from './process.ts';

const files = new WeakMap<Kernel, File>();
const RECORD = 64, VERSION = 3, TICK = 1e7;
const Flag = { FORKED: 1, SUPERUSER: 2, CORE: 8, SIGNAL: 16 } as const;

/** Sets the file for records, or none. */
export function keepAccounts(k: Kernel, file: File | undefined): void {
  files.get(k)?.release();
  if (file) files.set(k, file); else files.delete(k);
}
/** comp_t: 13 bits and an exponent of 8, three bits. */
function packed(n: number): number {
  let exponent = 0, x = Math.floor(n);
  while (x > 0x1fff) { x = Math.floor(x / 8); exponent++; }
  return exponent > 7 ? 0xffff : (exponent << 13) | x;
}
/** Records the end of a process, if accounting is on. */
export function account(k: Kernel, process: Process, status: number): void {
  const file = files.get(k), thread = process.leader;
  if (!file || !thread) return;
  const bytes = new Uint8Array(RECORD), view = new DataView(bytes.buffer), ticks = (ns: number): number => packed(ns / TICK),
    age = k.clock.now() - process.startedAt;
  bytes[0] = (process.execed ? 0 : Flag.FORKED) | (process.creds.euid === 0 ? Flag.SUPERUSER : 0) | (status & 0x80 ? Flag.CORE : 0)
    | (status & 0x7f ? Flag.SIGNAL : 0);
  bytes[1] = VERSION;
  view.setUint16(2, process.session.terminal?.rdev ?? 0, true);
  [status, process.creds.uid, process.creds.gid, process.pid, process.parent?.pid ?? 0,
    Math.floor(k.clock.wall().s - age / 1e9)].forEach((x, i) => {
    view.setUint32(4 + 4 * i, x >>> 0, true);
  });
  view.setFloat32(28, age / TICK, true);
  view.setUint16(32, ticks(cpuOfProcess(process)), true);
  bytes.set(bytesOf(process.name).subarray(0, 15), 48);
  file.write(new KernelIo(bytes), file.end, thread);
}
