/** Puts the engine together: memory layout, interpreter, code pages, and the hart side it calls. */
import { createDecoder } from '../isa/decode.ts';
import { HART_BYTES, HARTS, HS, SLOW, type Layout } from './layout.ts';
import type { EngineSide, EngineStats, HartSide } from './port.ts';
import { CodePages } from './codepages.ts';
import { generateInterpreter } from './interpreter.ts';

export interface EngineOptions {
  /** Allocated once with initial = maximum = layout.wasmPages. */
  readonly memory: WebAssembly.Memory;
  readonly layout: Layout;
  readonly hartSide: HartSide;
  /** ISA string: which instructions are legal (see `parseIsa`). */
  readonly isa: string;
}

/** @throws Error with a sentence for the user when the ISA string is not understood. */
export function createEngine({ memory, layout, hartSide, isa }: EngineOptions): EngineSide {
  const { buffer } = memory;
  const pages = new CodePages(buffer, layout, createDecoder(isa));
  const words = new Int32Array(buffer);
  const imports = {
    memory,
    load: (hart: number, kind: number) => hartSide.load(hart, kind),
    store: (hart: number, size: number) => hartSide.store(hart, size),
    atomic: (hart: number, insn: number) => hartSide.atomic(hart, insn),
    fetch: (hart: number) => hartSide.fetch(hart),
    slow: (hart: number, row: number, insn: number) => hartSide.slow(hart, row, insn),
    illegal: (hart: number, record: number) => hartSide.slow(hart, 0, pages.raw(record)),
    decode: (record: number) => {
      pages.fill(record);
      return SLOW.NEXT;
    },
    straddle: (hart: number, record: number) => {
      const answer = hartSide.fetchSecond(hart);
      if (answer === SLOW.NEXT) pages.compose(record, words[(HARTS + hart * HART_BYTES + HS.VALUE) >> 2]! & 0xffff);
      return answer;
    },
  };
  const instance = new WebAssembly.Instance(moduleFor(layout), { e: imports });
  const run = instance.exports['run'] as (hart: number) => number;
  const doubles = new Float64Array(buffer);
  const retired = (): number => {
    let n = 0;
    for (let at = HARTS; at < HARTS + layout.harts * HART_BYTES; at += HART_BYTES) n += doubles[(at + HS.INSTRET) >> 3]! + words[(at + HS.SLICE) >> 2]! - words[(at + HS.BUDGET) >> 2]!;
    return n;
  };
  return {
    run,
    codePage: (page) => pages.codePage(page),
    dropCode: (linear, length) => pages.dropCode(linear, length),
    hasCode: (page) => pages.hasCode(page),
    stats: (): EngineStats => ({ codePages: pages.used, regions: 0, compileSeconds: 0, interpretedInstructions: retired(), translatedInstructions: 0 }),
  };
}

/** The generated module depends on the layout alone; machines of one size share it. */
const modules = new Map<string, WebAssembly.Module>();
function moduleFor(layout: Layout): WebAssembly.Module {
  const key = `${layout.wasmPages}/${layout.ram}/${layout.codeMap}`;
  const known = modules.get(key);
  if (known) return known;
  const made = new WebAssembly.Module(generateInterpreter(layout));
  modules.set(key, made);
  return made;
}
