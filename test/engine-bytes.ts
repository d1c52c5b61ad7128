/**
 * Hashes of all code that the engine generates: the interpreter in its variants, the translations of sample programs, and the memory after
 * the runs (decoded records are part of it). Compare two commits with it when generated code must not change:
 *
 *   npx tsx test/engine-bytes.ts
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createBoard } from '../machine/board/board.ts';
import { CharChannel } from '../machine/devices/char-channel.ts';
import { generateInterpreter } from '../machine/engine/interpreter.ts';
import { Linear } from '../machine/linear.ts';
import { loadProgram } from '../machine/loader/kernel.ts';
import { root } from './tessera.ts';

const MEMORY = 64 << 20;
const SAMPLES = [
  { program: 'minios.elf', supervisor: true, engine: 'jit', instructions: 400_000 },
  { program: 'minios.elf', supervisor: true, engine: 'eager', instructions: 2_000_000 },
  { program: 'hypervisor.elf', supervisor: false, engine: 'jit', instructions: 400_000 },
  { program: 'hypervisor.elf', supervisor: false, engine: 'auto', instructions: 20_000_000 },
] as const;

const hashOf = (...parts: readonly Uint8Array[]): string =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex').slice(0, 16);

/** Every module that is compiled while `action` runs, in order. */
function compiled(action: () => void): Uint8Array[] {
  const modules: Uint8Array[] = [];
  const host = (globalThis as unknown as { WebAssembly: { Module: new (bytes: Uint8Array) => object } }).WebAssembly;
  const { Module } = host;
  host.Module = class extends Module {
    constructor(bytes: Uint8Array) {
      super(bytes);
      modules.push(bytes.slice());
    }
  };
  try { action(); } finally { host.Module = Module; }
  return modules;
}

function interpreters(): [string, string][] {
  const { layout } = new Linear(MEMORY, 2);
  return [0, 1, 8192].flatMap((threshold) => [false, true].map((strict): [string, string] =>
    [`interpreter, threshold ${threshold}${strict ? ', strict alignment' : ''}`, hashOf(generateInterpreter(layout, threshold, strict))]));
}

function sample({ program, supervisor, engine, instructions }: (typeof SAMPLES)[number]): [string, string][] {
  let memory = '';
  const modules = compiled(() => {
    const board = createBoard({ memoryBytes: MEMORY, harts: 1, engine, console: new CharChannel(() => {}) });
    const loaded = loadProgram(board.machine.memory, readFileSync(join(root, 'guests/bin', program)), { base: board.machine.memory.base });
    if (!loaded.ok) throw new Error(loaded.error);
    if (supervisor) board.startKernel(loaded.value.entry, { bootargs: '' });
    else board.machine.reset(loaded.value.entry);
    board.machine.run({ maxInstructions: instructions });
    memory = hashOf(new Uint8Array(board.machine.linear.memory.buffer));
  });
  return [[`${program}, ${engine}: ${modules.length} modules`, hashOf(...modules)], [`${program}, ${engine}: memory`, memory]];
}

for (const [what, hash] of [...interpreters(), ...SAMPLES.flatMap(sample)]) console.log(hash, what);
