/** The type of a scenario file: roottask's part, and the host's part. */
import type { Scenario } from '../roottask/scenario.ts';
import type { Parameters, Value, Values } from './parameters.ts';

/** The same run with the mechanism off: it must end with this ending. */
export interface Twin { readonly set: Readonly<Record<string, Value>>; readonly ending: string }

export interface ScenarioFile extends Scenario {
  /** Boot modules: name → file, relative to the project's root. */
  readonly files?: Readonly<Record<string, string>>;
  /** Files that a scenario needs and that do not come with Tessera: without them it prints an error and does not start. */
  readonly images?: Readonly<Record<string, string>>;
  /** Network cards of the board, net0 …, each in the notation of `--net`. */
  readonly nets?: readonly string[];
  /** Disks of the board, disk0 …, in the notation of `--disk`. */
  readonly disks?: readonly string[];
  /** Folders of the host, files0 …: `HOST:TAG[:ro]`. */
  readonly mounts?: readonly string[];
  /**
   * Virtio consoles of the board, console0 …; the first is connected to the command's standard input and output, the second to standard
   * error.
   */
  readonly terminals?: number;
  /** Where the reader finds more: a page, or a sentence; printed at the end of a run. */
  readonly story?: string;
  /** The parameters for `--set key=value`; `build` computes the fields that depend on them. */
  readonly parameters?: Parameters;
  readonly build?: (values: never) => Partial<ScenarioFile>;
  readonly twin?: Twin;
}

/** A scenario as it is written: fields that depend on parameters come from `build`. */
export type ScenarioSource<P extends Parameters = Parameters> = Omit<ScenarioFile,
  'components' | 'parameters' | 'build'> & Partial<Pick<ScenarioFile, 'components'>> & {
  readonly parameters?: P;
  readonly build?: (values: Values<P>) => Partial<ScenarioFile>;
};
