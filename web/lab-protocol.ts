/** The messages between page and lab worker. */
import type { Verdict } from '../labs/grading/verdict.ts';
import type { Variant } from '../labs/grading/lab.ts';

/** A lab in the page's list, which the build writes. */
export interface LabInfo {
  readonly name: string;
  readonly number: number;
  readonly title: string;
  readonly hours: readonly [number, number];
  readonly language: 'typescript' | 'riscv' | 'c' | 'sql';
  readonly files: readonly string[]
}

export type ToLab = {
  readonly type: 'check'; readonly lab: string; readonly seed: string; readonly files: Readonly<Record<string, string>>
}
  | { readonly type: 'variant'; readonly lab: string; readonly seed: string };
export type FromLab =
  | { readonly type: 'variant'; readonly variant: Variant }
  | { readonly type: 'world'; readonly name: string }
  | { readonly type: 'verdict'; readonly verdict: Verdict; readonly traces: Readonly<Record<string, Uint8Array>> }
  | { readonly type: 'failed'; readonly message: string };
