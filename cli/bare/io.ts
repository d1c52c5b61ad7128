/** The far end of a bare machine's console: Node's standard streams, or a test's replacement. */
import { writeNow } from '../output.ts';
import { onSignals, settledInput } from '../terminal.ts';

export interface BareIo {
  /** The console is interactive: time is paced, Ctrl-A X leaves. */
  readonly interactive: boolean;
  /** Returns false when the reader has gone. */
  write(bytes: Uint8Array): boolean;
  error(text: string): void;
  /** Starts reading; `undefined` means the end of input. Returns a function that stops reading. */
  listen(receive: (bytes: Uint8Array | undefined) => void): () => void;
  /** Signals that ask the process to end. Returns a function that stops listening. */
  signals?(leave: (signal: number) => void): () => void;
}

/** The process's own streams; a terminal is in raw mode while reading. */
export function processIo(): BareIo {
  const { stdin } = process;
  return {
    interactive: stdin.isTTY === true,
    write: (bytes) => writeNow(1, bytes),
    signals: onSignals,
    error: (text) => { writeNow(2, new TextEncoder().encode(text)); },
    listen(receive) {
      const settled = settledInput();
      if (settled && settled.bytes.length > 0) receive(settled.bytes);
      if (settled?.isAll) {
        receive(undefined);
        return () => undefined;
      }
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
