/** The outside of a bare machine's console: Node's standard streams, or what a test puts in their place. */
import { closeSync, writeSync } from 'node:fs';

export interface BareIo {
  /** A person sits at the console: time is paced, Ctrl-A X leaves. */
  readonly interactive: boolean;
  write(bytes: Uint8Array): void;
  error(text: string): void;
  /** Starts reading; `undefined` means the end of input. Answers a function that stops reading. */
  listen(receive: (bytes: Uint8Array | undefined) => void): () => void;
}

/** The process's own streams; a terminal is in raw mode while it is listened to. */
export function processIo(): BareIo {
  const { stdin } = process;
  return {
    interactive: stdin.isTTY === true,
    write: (bytes) => writeAll(1, bytes),
    error: (text) => writeAll(2, new TextEncoder().encode(text)),
    listen(receive) {
      const onData = (data: Buffer): void => receive(data);
      const onEnd = (): void => receive(undefined);
      stdin.on('data', onData);
      stdin.on('end', onEnd);
      stdin.on('error', onEnd);
      if (stdin.isTTY) stdin.setRawMode(true);
      stdin.resume();
      return () => {
        if (stdin.isTTY) stdin.setRawMode(false);
        stdin.off('data', onData);
        stdin.off('end', onEnd);
        stdin.off('error', onEnd);
        stdin.pause();
        stdin.unref?.();
      };
    },
  };
}

/** Writes at once, so that output is out before the machine goes on; a full pipe is waited for, a closed one is ours no more. */
function writeAll(fd: number, bytes: Uint8Array): void {
  let at = 0;
  while (at < bytes.length) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EAGAIN') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
      else if (code === 'EPIPE') return closeSync(fd);
      else throw error;
    }
  }
}
