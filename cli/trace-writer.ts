/** The thread that writes a trace file: takes chunks from the shared ring until the end. Started by trace-file.ts. */
import { closeSync, writeSync } from 'node:fs';
import * as zlib from 'node:zlib';
import { workerData, parentPort } from 'node:worker_threads';
import { ChunkWriter, type ByteSink, type Checksum, type Vocabulary } from '../trace/index.ts';
import { Frame, SharedRing, Status } from './trace-ring.ts';

export interface WriterData {
  readonly memory: SharedArrayBuffer;
  readonly fd: number;
  readonly compress: boolean;
  readonly words: Vocabulary | undefined
}

const LEVEL = 1;
/** An open file as the writer of chunks wants it. */
export const fileSink = (fd: number): ByteSink => ({
  write: (bytes) => { for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at); },
  close: () => closeSync(fd),
});
export const packer = (compress: boolean): ((data: Uint8Array) => Uint8Array) | undefined =>
  (compress ? (data) => zlib.deflateRawSync(data, { level: LEVEL }) : undefined);

/** Node's own checksum; versions before 20.15 have none. */
export const checksum = (zlib as { crc32?: Checksum }).crc32;

/** Writes until the end frame. Reports an error to the other thread, and drops all later chunks. */
function write({ memory, fd, compress, words }: WriterData): void {
  const ring = new SharedRing(memory), chunks = new ChunkWriter(fileSink(fd), { pack: packer(compress), checksum, words, begun: true });
  chunks.onFailed = (error) => { ring.failed(error); };
  for (let over = false; !over; ) {
    ring.take((type, first, second, bytes) => {
      if (type === Frame.records) chunks.records(first, bytes);
      else if (type === Frame.names) chunks.names(bytes);
      else if (type === Frame.payload) chunks.payload(first, second, bytes);
      else over = true;
    });
  }
  chunks.close();
  ring.status = ring.status | Status.closed;
}

if (parentPort && (workerData as WriterData | undefined)?.memory) write(workerData as WriterData);
