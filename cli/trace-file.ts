/**
 * The file behind `--trace`. Another thread writes it, so that the machine does not wait for checksums and the disk; where the command runs
 * from its sources, this thread does. A full disk ends the recording, not the run, and the written part stays readable.
 */
import { closeSync, existsSync, openSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { TraceRecorder, header, type Vocabulary } from '../trace/index.ts';
import { Exit, fileError, type CliError, outputError } from './errors.ts';
import { noteTrace } from './report.ts';
import { RingSink, SharedRing, Status } from './trace-ring.ts';
import { checksum, fileSink, packer, type WriterData } from './trace-writer.ts';

const LATER = 'what is in it up to here can be read';

/** The bundle's second entry; undefined where there is no bundle. */
function writerFile(): string | undefined {
  if (import.meta.url.endsWith('.ts')) return undefined;
  return ['./trace-writer.mjs', '../trace-writer.mjs'].map((name) => fileURLToPath(new URL(name, import.meta.url))).find((path) =>
    existsSync(path));
}

export interface TraceFileOptions { readonly compress?: boolean; readonly words?: Vocabulary }

export class TraceOutput {
  readonly recorder: TraceRecorder;
  private readonly path: string;
  private ring: SharedRing | undefined;
  private sink: RingSink | undefined;
  private error: CliError | undefined;
  private closed = false;

  /** Creates the file; throws `CliError` when that is impossible. `compress`: chunks are packed. */
  constructor(path: string, options: TraceFileOptions = {}) {
    this.path = path;
    const fd = this.create();
    noteTrace(path);
    const writer = writerFile();
    if (writer === undefined)
      this.recorder = new TraceRecorder(fileSink(fd), {
        words: options.words, pack: packer(options.compress ?? false), checksum, begun: true
      });
    else this.recorder = new TraceRecorder(this.start(writer, fd, options));
    this.recorder.on('failed', (error) => { this.error ??= fileError('trace', path, error, LATER, Exit.failure); });
    // A bug ends the process: saves the trace up to there, which shows the cause.
    process.once('exit', this.atExit);
  }

  /** Why the file is incomplete, once known. */
  get failed(): CliError | undefined {
    if (this.ring && (this.ring.status & Status.failed) !== 0)
      this.error ??= fileError('trace', this.path,
        Object.assign(new Error(this.ring.failure), { code: this.ring.failure, syscall: 'write' }), LATER, Exit.failure);
    if (this.sink?.lost) this.error ??= fileError('trace', this.path, new Error('its writer does not answer'), LATER, Exit.failure);
    return this.error;
  }

  /** Writes everything to the file. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    process.off('exit', this.atExit);
    this.recorder.close();
  }

  private readonly atExit = (): void => this.close();

  private create(): number {
    let fd: number | undefined;
    try {
      fd = openSync(this.path, 'w');
      writeSync(fd, header());
      return fd;
    } catch (error) {
      if (fd === undefined) throw outputError('trace', this.path, error);
      closeSync(fd);
      throw fileError('trace', this.path, error, LATER, Exit.failure);
    }
  }
  private start(writer: string, fd: number, options: TraceFileOptions): RingSink {
    this.ring = new SharedRing();
    const data: WriterData = { memory: this.ring.memory, fd, compress: options.compress ?? false, words: options.words }, { ring } = this;
    const worker = new Worker(writer, { workerData: data, trackUnmanagedFds: false });
    worker.on('error', (error) => { ring.failed(error); ring.status |= Status.closed; });
    worker.unref();
    return (this.sink = new RingSink(ring));
  }
}
