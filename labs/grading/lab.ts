/**
 * A lab: a page, files of a submission, and worlds that test it. Each world is a boot scenario; its judge uses the machine's own trace and
 * components of the grader, never the submission's claims about itself.
 */
import type { Component, Program } from '../../index.ts';
import type { TraceFile } from '../../trace/index.ts';
import type { BareSeen, BareWorld } from './bare.ts';
import type { Random } from './random.ts';

/** One row of a lab's table of checks. `mistake`: the usual cause of a failure, and where to look. */
export interface CheckRow { readonly id: string; readonly points: number; readonly title: string; readonly mistake: string }

/** Values that differ between students; the page refers to them as {{name}}. */
export type Variant = Readonly<Record<string, string | number>>;

export interface Lab {
  readonly number: number;
  /** Folder in labs/. */
  readonly name: string;
  readonly title: string;
  /** Hours that a student needs, from and to. */
  readonly hours: readonly [number, number];
  readonly language: 'typescript' | 'riscv' | 'c' | 'sql';
  /** The files of a submission. */
  readonly files: readonly string[];
  /** Points add up to 100. */
  readonly checks: readonly CheckRow[];
  variant(random: Random): Variant;
  worlds(variant: Variant, random: Random): World[];
}

/** The submission, ready to run. */
export interface Submission {
  /** The program of a component: TypeScript (in a separate process), or native. */
  program(file: string): Component['program'];
  /** Boot modules of native programs. */
  readonly modules: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  text(file: string): string;
}

export interface World {
  readonly name: string;
  /** Components besides memory and log. */
  components(submission: Submission): Readonly<Record<string, Component>>;
  /** Boot modules besides those of the submission. */
  readonly modules?: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  /** Files of the project that are boot modules: name → path. */
  readonly files?: Readonly<Record<string, string>>;
  /** Cycles; default 2e9. */
  readonly budget?: number;
  readonly ram?: string;
  readonly harts?: number;
  /** Processor model, as `--cpu` names it. */
  readonly cpu?: string;
  readonly log?: string;
  /** No system: the submission's program on the bare machine. `components` are none then. */
  readonly bare?: BareWorld;
  /** Tasks whose payload is captured. */
  readonly capture?: readonly string[];
  judge(seen: Seen, say: Say): void | Promise<void>;
}

/** The result of a world. */
export interface Seen {
  readonly submission: Submission;
  readonly trace: TraceFile;
  /** Of a bare machine. */
  readonly bare?: BareSeen;
  /** Lines of the log, without the name before them. */
  lines(component: string): string[];
  /** The final state of a component: status and text. */
  end(component: string): { readonly state: string; readonly status: number; readonly why: string; readonly report: string };
  /** Why the world ended, if not by itself. */
  readonly why: string;
  /** The submission's console.log output. */
  readonly printed: readonly string[];
}

/** The findings of a check, which passes when it was evaluated and found nothing wrong. */
export interface Say {
  /** `record`: sequence number in the world's trace to look at. */
  (check: string, right: boolean, expected: string, seen: string, record?: number): void;
}

export const text = (value: unknown): string =>
  (typeof value === 'string' ? `'${value}'`
    : typeof value === 'bigint' ? `0x${value.toString(16)}`
    : Array.isArray(value) ? `[${value.map(text).join(', ')}]`
    : String(value));

/** 64 bits in hexadecimal. */
export const hex = (v: number | bigint): string => `0x${BigInt.asUintN(64, BigInt(v)).toString(16)}`;

/** Compares two values and reports both. */
export function same(say: Say, check: string, what: string, expected: unknown, seen: unknown, record?: number): void {
  say(check, text(expected) === text(seen), `${what}: ${text(expected)}`, text(seen), record);
}

/** A program of the grader's. */
export const program = (name: string, main: Program['main']): Program => ({ name, main });
