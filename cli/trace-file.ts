/** The file behind `--trace`. A disk that fills up ends the recording, not the run: what is in the file up to there can be read. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { deflateRawSync } from 'node:zlib';
import { TraceRecorder, type Vocabulary } from '../trace/index.ts';
import { Exit, fileError, type CliError } from './errors.ts';
import { noteTrace } from './report.ts';

export class TraceOutput {
  readonly recorder: TraceRecorder;
  failed: CliError | undefined;

  /** Creates the file; throws `CliError` when that is impossible. `compress`: chunks are packed. */
  constructor(path: string, options: { compress?: boolean; words?: Vocabulary } = {}) {
    let fd: number;
    try {
      fd = openSync(path, 'w');
    } catch (error) {
      throw fileError('trace', path, error);
    }
    noteTrace(path);
    this.recorder = new TraceRecorder({ write: (bytes) => this.write(fd, path, bytes), close: () => closeSync(fd) }, { words: options.words, pack: options.compress ? (data) => deflateRawSync(data, { level: 1 }) : undefined });
    if (this.failed) throw this.failed;
  }

  close(): void {
    this.recorder.close();
  }

  /** Notes the first failure; the recorder then stops writing. */
  private write(fd: number, path: string, bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    } catch (error) {
      this.failed ??= fileError('trace', path, error, 'what is in it up to here can be read', Exit.failure);
      throw error;
    }
  }
}
