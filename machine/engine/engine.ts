/** Assembles the engine: memory layout, interpreter, code pages, and the hart side it calls. */
import { createDecoder, type Decoded } from '../../hardware/isa/decode.ts';
import { parseIsa, STRICT_ALIGNMENT } from '../../hardware/isa/table.ts';
import { HART_BYTES, HARTS, HS, RECORD, SLOW, type Layout } from './layout.ts';
import type { EngineSide, EngineStats, HartSide } from './port.ts';
import { CodePages } from './codepages.ts';
import { generateInterpreter } from './interpreter.ts';
import { Internal } from './operations.ts';
import { slowRow, slowStep } from './records.ts';
import { TABLE_SIZE } from './regions/convention.ts';
import { LEAN_FROM, MAX_BYTES, Regions } from './regions/regions.ts';

export interface EngineOptions {
  /** Allocated once with initial = maximum = layout.wasmPages. */
  readonly memory: WebAssembly.Memory;
  readonly layout: Layout;
  readonly hartSide: HartSide;
  /** ISA string: which instructions are legal (see `parseIsa`). */
  readonly isa: string;
  /**
   * `interp`: translates nothing; `jit`: translates every jump target at once; `eager`: the same, in batches; `auto`: translates what runs
   * often.
   */
  readonly tier?: Tier | undefined;
  /** Bytes of translations to keep; for tests. */
  readonly translationBytes?: number | undefined;
  /** Regions from which on new ones are lean; for tests. */
  readonly leanFrom?: number | undefined;
}

export type Tier = 'auto' | 'interp' | 'jit' | 'eager';
/** Jumps to an instruction after which it is translated; 0 = never. */
const THRESHOLDS: Record<Tier, number> = { auto: 8192, interp: 0, jit: 1, eager: 1 };

/** @throws Error with a sentence for the user when the ISA string is not understood. */
export function createEngine(options: EngineOptions): EngineSide {
  const { memory, layout, hartSide, isa, tier = 'auto', translationBytes = MAX_BYTES, leanFrom = LEAN_FROM } = options;
  const { buffer } = memory;
  const pages = new CodePages(buffer, layout, createDecoder(isa));
  const words = new Int32Array(buffer);
  const threshold = THRESHOLDS[tier];
  const table = new WebAssembly.Table({ element: 'anyfunc', initial: TABLE_SIZE, maximum: TABLE_SIZE });
  const strict = parseIsa(isa).has(STRICT_ALIGNMENT);
  const regions = new Regions({
    memory, layout, pages, table, threshold, atOnce: tier === 'jit', strict, maxBytes: translationBytes, leanFrom
  });
  pages.translations = regions;
  const halves = new Uint16Array(buffer);
  /** The instruction is about to be executed by TypeScript; behind it the interpreter goes on so many bytes of records further. */
  const stepOver = (hart: number, decoded: Decoded): Decoded => {
    words[(HARTS + hart * HART_BYTES + HS.STEP) >> 2] = decoded.length * RECORD / 2;
    return decoded;
  };
  const imports = {
    memory,
    table,
    hot: (record: number, hart: number, pcBase: bigint) => regions.hot(record, hart, pcBase),
    busy: (record: number, hart: number, pcBase: bigint) => regions.busy(record, hart, pcBase),
    load: (hart: number, kind: number) => hartSide.load(hart, kind),
    store: (hart: number, size: number) => hartSide.store(hart, size),
    fetch: (hart: number) => hartSide.fetch(hart),
    atomic: (hart: number, record: number) => hartSide.atomic(hart, stepOver(hart, pages.again(record)).word),
    slow: (hart: number, record: number) => {
      if (pages.operation(record) !== Internal.SLOW) {
        const { index, word } = stepOver(hart, pages.again(record));
        return hartSide.slow(hart, index, word);
      }
      words[(HARTS + hart * HART_BYTES + HS.STEP) >> 2] = slowStep(halves[(record >> 1) + 1]!);
      return hartSide.slow(hart, slowRow(halves[(record >> 1) + 1]!), words[(record >> 2) + 1]!);
    },
    illegal: (hart: number, record: number) => {
      stepOver(hart, pages.again(record));
      return hartSide.slow(hart, 0, pages.raw(record));
    },
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
  const instance = new WebAssembly.Instance(moduleFor(layout, threshold, strict), { e: imports });
  const interpret = instance.exports['run'] as (hart: number) => number;
  const { queue } = regions;
  const run = (hart: number, resumed = false): number => {
    if (queue.length > 0) regions.tick();
    if (!resumed) words[(HARTS + hart * HART_BYTES + HS.RES) >> 2] = 0;
    return interpret(hart);
  };
  const longs = new BigInt64Array(buffer);
  const translated = (): number => {
    let n = 0;
    for (let at = HARTS; at < HARTS + layout.harts * HART_BYTES; at += HART_BYTES) n += Number(longs[(at + HS.TRANSLATED) >> 3]!);
    return n;
  };
  const doubles = new Float64Array(buffer);
  const retired = (): number => {
    let n = 0;
    for (let at = HARTS; at < HARTS + layout.harts * HART_BYTES; at += HART_BYTES)
      n += doubles[(at + HS.INSTRET) >> 3]! + words[(at + HS.SLICE) >> 2]! - words[(at + HS.BUDGET) >> 2]!;
    return n;
  };
  return {
    run,
    codePage: (page) => pages.codePage(page),
    dropCode: (linear, length) => pages.dropCode(linear, length),
    hasCode: (page) => pages.hasCode(page),
    setBreak: (linear, on) => pages.setBreak(linear, on),
    stats: (): EngineStats => ({
      codePages: pages.used, regions: regions.count, widened: regions.widened, compileSeconds: regions.compileSeconds,
      interpretedInstructions: retired() - translated(), translatedInstructions: translated()
    }),
  };
}

/** The generated module depends on the layout, the threshold and the alignment rule alone; machines of one size share it. */
const modules = new Map<string, WebAssembly.Module>();
function moduleFor(layout: Layout, threshold: number, strict: boolean): WebAssembly.Module {
  const key = `${layout.wasmPages}/${layout.ram}/${layout.codeMap}/${threshold}/${strict}`;
  const known = modules.get(key);
  if (known) return known;
  const made = new WebAssembly.Module(generateInterpreter(layout, threshold, strict));
  modules.set(key, made);
  return made;
}
