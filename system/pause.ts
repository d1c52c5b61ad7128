/**
 * Lets the host's own events happen between two pieces of a run. A message to oneself comes back at once, behind what already waits; a browser
 * holds a timer of 0 ms back for 4 ms after a few in a row, which made `sleep 20` take thirty times as long.
 */
type Post = (done: () => void) => void;

/** What Node and browsers have, and what a listener must not do: keep a process alive that has nothing else to do. */
interface Port { onmessage: (() => void) | null; postMessage(message: null): void; ref?(): void; unref?(): void }
declare const MessageChannel: (new () => { port1: Port; port2: Port }) | undefined;

function messages(): Post {
  if (typeof MessageChannel === 'undefined') return (done) => { setTimeout(done, 0); };
  const { port1, port2 } = new MessageChannel(), waiting: (() => void)[] = [];
  port1.onmessage = () => {
    const done = waiting.shift();
    if (waiting.length === 0) port1.unref?.();
    done?.();
  };
  port1.unref?.();
  return (done) => {
    waiting.push(done);
    port1.ref?.();
    port2.postMessage(null);
  };
}

let post: Post | undefined;

/** Fulfilled when the host has looked at what waits for it. */
export function pause(): Promise<void> {
  const send = (post ??= messages());
  return new Promise((resolve) => send(resolve));
}
