/**
 * Debian's kernel boots twice, interpreted and translated, in lockstep: registers, CSRs and virtual time agree every 100,000
 * instructions, memory every ten million. Part of the boot by default; TESSERA_LONG=1 compares all of it. Skipped where the images are
 * not here: tessera images fetch.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { imagesFolder } from '../cli/images/where.ts';
import { createBoard } from '../machine/board/board.ts';
import { CharChannel } from '../machine/devices/char-channel.ts';
import { HS } from '../machine/engine/layout.ts';
import { loadInitrd, loadProgram } from '../machine/loader/kernel.ts';
import type { Loaded } from '../machine/loader/result.ts';
import type { Machine } from '../machine/machine.ts';

const images = imagesFolder();
const missing = !existsSync(join(images, 'manifest.json'));
const MEMORY = 128 << 20;
const STEP = 100_000;
const MEMORY_EVERY = 100; // steps
const STEPS = { auto: process.env['TESSERA_LONG'] ? 13_000 : 600, jit: process.env['TESSERA_LONG'] ? 2_000 : 100 };

function placed<T>(result: Loaded<T>): T {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

function booted(engine: 'auto' | 'interp' | 'jit'): Machine {
  const board = createBoard({ memoryBytes: MEMORY, harts: 1, engine, console: new CharChannel(() => {}) });
  const { memory } = board.machine;
  const kernel = placed(loadProgram(memory, readFileSync(join(images, 'vmlinuz')), { base: memory.base, gunzip: (b) => gunzipSync(b) }));
  const initrd = placed(loadInitrd(memory, readFileSync(join(images, 'initramfs.cpio')), kernel.end));
  board.startKernel(kernel.entry, { bootargs: 'console=ttyS0 quiet', initrd });
  return board.machine;
}

function digest(machine: Machine): string {
  const hart = machine.harts[0]!;
  return [
    hart.pc, hart.instret, hart.cycles, ...hart.x, ...hart.f, hart.fcsr, ...hart.c, hart.w[HS.FS_DIRTY >> 2], hart.priv, hart.virt,
  ].join(' ');
}
const ram = (machine: Machine): Uint8Array => machine.memory.view(machine.memory.base, MEMORY);

describe.skipIf(missing).each(['auto', 'jit'] as const)(`Debian's kernel, interpreted and with --engine %s`
  + `${missing ? ' (skipped: no images)' : ''}`,
  (engine) => {
  it('is in the same state at every step', () => {
    const [interpreted, other] = [booted('interp'), booted(engine)];
    for (let step = 1; step <= STEPS[engine]; step++) {
      interpreted.run({ maxInstructions: STEP });
      other.run({ maxInstructions: STEP });
      expect(digest(other)).toBe(digest(interpreted));
      if (step % MEMORY_EVERY === 0) expect(Buffer.compare(ram(interpreted), ram(other))).toBe(0);
    }
    expect(other.engine.stats().translatedInstructions).toBeGreaterThan(0);
  }, 3_600_000);
});
