// The few globals that every JavaScript host has (Node, browsers, workers) and that ES2023 itself does not
// declare. The portable folders compile against these alone: no Node types, no DOM.

declare namespace WebAssembly {
  class Module { constructor(bytes: Uint8Array | ArrayBuffer); }
  class Instance {
    constructor(module: Module, imports?: Record<string, Record<string, unknown>>);
    readonly exports: Record<string, unknown>;
  }
  class Memory {
    constructor(d: { initial: number; maximum?: number; shared?: boolean });
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
  class Table {
    constructor(d: { element: 'anyfunc'; initial: number; maximum?: number });
    readonly length: number;
    get(i: number): unknown;
    set(i: number, f: unknown): void;
    grow(n: number): number;
  }
  class Global { constructor(d: { value: string; mutable?: boolean }, v?: unknown); value: unknown; }
  class RuntimeError extends Error {}
  class CompileError extends Error {}
  function validate(bytes: Uint8Array | ArrayBuffer): boolean;
}
declare class TextEncoder { encode(s?: string): Uint8Array; encodeInto(s: string, into: Uint8Array): { read: number; written: number }; }
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes?: Uint8Array, options?: { stream?: boolean }): string;
}
declare const performance: { now(): number };
