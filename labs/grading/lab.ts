/**
 * A lab: a page, files that a student hands in, and worlds in which they are tried. Each world is a boot scenario; what happened in it is
 * judged from the machine's own trace and from components of the grader, never from what the submission says about itself.
 */
import type { Component, Program } from '../../index.ts';
import type { TraceFile } from '../../trace/index.ts';
import type { Random } from './random.ts';

/** One row of a lab's table of checks. `mistake`: what is usually wrong when it fails, and where to look. */
export interface CheckRow { readonly id: string; readonly points: number; readonly title: string; readonly mistake: string }

/** What differs from student to student: stands in the page as {{name}}. */
export type Variant = Readonly<Record<string, string | number>>;

export interface Lab {
  readonly number: number;
  /** Folder in labs/. */
  readonly name: string;
  readonly title: string;
  /** Hours that it takes a student, from and to. */
  readonly hours: readonly [number, number];
  readonly language: 'typescript' | 'riscv' | 'c' | 'sql';
  /** What is handed in. */
  readonly files: readonly string[];
  /** Points add up to 100. */
  readonly checks: readonly CheckRow[];
  variant(random: Random): Variant;
  worlds(variant: Variant, random: Random): World[];
}

/** What was handed in, ready to run. */
export interface Submission {
  /** What a component runs: a TypeScript program (in a process of its own), or a native one. */
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
  readonly log?: string;
  /** Tasks whose payload is captured. */
  readonly capture?: readonly string[];
  judge(seen: Seen, say: Say): void | Promise<void>;
}

/** What came of a world. */
export interface Seen {
  readonly submission: Submission;
  readonly trace: TraceFile;
  /** Lines of the log, without the name before them. */
  lines(component: string): string[];
  /** How a component stands at the end; status and words. */
  end(component: string): { readonly state: string; readonly status: number; readonly why: string; readonly report: string };
  /** Why the world ended, when not of itself. */
  readonly why: string;
  /** What the submission printed with console.log. */
  readonly printed: readonly string[];
}

/** What a check finds. A check has passed when it was looked at and nothing was wrong. */
export interface Say {
  /** `record`: sequence number in the world's trace to look at. */
  (check: string, right: boolean, expected: string, seen: string, record?: number): void;
}

export const text = (value: unknown): string =>
  (typeof value === 'string' ? `'${value}'`
    : typeof value === 'bigint' ? `0x${value.toString(16)}`
    : Array.isArray(value) ? `[${value.map(text).join(', ')}]`
    : String(value));

/** Says whether two values are the same, with both in words. */
export function same(say: Say, check: string, what: string, expected: unknown, seen: unknown, record?: number): void {
  say(check, text(expected) === text(seen), `${what}: ${text(expected)}`, text(seen), record);
}

/** A program of the grader's. */
export const program = (name: string, main: Program['main']): Program => ({ name, main });
