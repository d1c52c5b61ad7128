/** A WebAssembly module as bytes: one imported memory, imported functions, functions, exports. */
import { Code, Type, type TypeName } from './code.ts';

export interface Signature { readonly params: readonly TypeName[]; readonly results: readonly TypeName[] }
export interface FunctionBody {
  readonly name: string;
  readonly signature: Signature;
  /** Locals beyond the parameters. */
  readonly locals: readonly TypeName[];
  /** Instructions without the closing `end`. */
  readonly body: Uint8Array;
}
export interface Import { readonly name: string; readonly signature: Signature }
/** An imported table `e.table` of functions with one signature, whose type has the number `tableType`. */
export interface TableImport { readonly size: number; readonly signature: Signature }

export const tableType = (imports: readonly Import[], functions: number): number => imports.length + functions;

const MAGIC = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const Section = { type: 1, import: 2, function: 3, export: 7, code: 10 } as const;

function name(out: Code, text: string): void {
  out.u32(text.length);
  for (let i = 0; i < text.length; i++) out.byte(text.charCodeAt(i));
}

function section(out: Code, id: number, write: (s: Code) => void): void {
  const inner = new Code(256);
  write(inner);
  out.byte(id);
  out.u32(inner.length);
  out.append(inner.bytes.subarray(0, inner.length));
}

function vector<T>(out: Code, items: readonly T[], write: (item: T, i: number) => void): void {
  out.u32(items.length);
  items.forEach(write);
}

const types = (out: Code, list: readonly TypeName[]): void => vector(out, list, (t) => out.byte(Type[t]));

/** Imports come from module `e`: `e.memory` (initial = maximum = `pages` of 64 KiB), then the functions. Every function is exported. */
export function encodeModule(pages: number, imports: readonly Import[], functions: readonly FunctionBody[],
    table?: TableImport): Uint8Array {
  const out = new Code(4096);
  for (const byte of MAGIC) out.byte(byte);
  section(out, Section.type, (code) => vector(code, [...imports, ...functions, ...(table ? [table] : [])], ({ signature }) => {
    code.byte(0x60);
    types(code, signature.params);
    types(code, signature.results);
  }));
  section(out, Section.import, (code) => {
    code.u32(imports.length + (table ? 2 : 1));
    name(code, 'e');
    name(code, 'memory');
    code.byte(2);
    code.byte(1); // with a maximum
    code.u32(pages);
    code.u32(pages);
    imports.forEach((body, i) => {
      name(code, 'e');
      name(code, body.name);
      code.byte(0);
      code.u32(i);
    });
    if (table) {
      name(code, 'e');
      name(code, 'table');
      code.byte(1);
      code.byte(0x70);
      code.byte(1);
      code.u32(table.size);
      code.u32(table.size);
    }
  });
  section(out, Section.function, (s) => vector(s, functions, (_f, i) => s.u32(imports.length + i)));
  section(out, Section.export, (code) => vector(code, functions, (functionBody, i) => {
    name(code, functionBody.name);
    code.byte(0);
    code.u32(imports.length + i);
  }));
  section(out, Section.code, (code) => vector(code, functions, (defined) => {
    const body = new Code(defined.body.length + 64);
    writeLocals(body, defined.locals);
    body.append(defined.body);
    body.byte(0x0b);
    code.u32(body.length);
    code.append(body.bytes.subarray(0, body.length));
  }));
  return out.done();
}

/** Locals in runs of one type. */
function writeLocals(out: Code, locals: readonly TypeName[]): void {
  const runs: [number, TypeName][] = [];
  for (const typeName of locals) {
    const last = runs[runs.length - 1];
    if (last && last[1] === typeName) last[0]++;
    else runs.push([1, typeName]);
  }
  vector(out, runs, ([count, type]) => {
    out.u32(count);
    out.byte(Type[type]);
  });
}
