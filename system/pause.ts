/**
 * Lets the host's own events happen between two pieces of a run. Browsers hold a timer of 0 ms back for 4 ms after a few in a row, which
 * made
 * `sleep 20` take thirty times as long; a message to oneself comes back at once, behind what already waits. In Node it comes back before
 * timers that are due, a thousand times in a row; there `setImmediate` is fair.
 */
declare const setImmediate: ((done: () => void) => void) | undefined;
interface Port { onmessage: (() => void) | null; postMessage(message: null): void }
declare const MessageChannel: (new () => { port1: Port; port2: Port }) | undefined;

type Post = (done: () => void) => void;

function fairest(): Post {
  if (typeof setImmediate === 'function') return setImmediate;
  if (typeof MessageChannel === 'undefined') return (done) => { setTimeout(done, 0); };
  const { port1, port2 } = new MessageChannel(), waiting: (() => void)[] = [];
  port1.onmessage = () => waiting.shift()?.();
  return (done) => {
    waiting.push(done);
    port2.postMessage(null);
  };
}

let post: Post | undefined;

/** Fulfilled when the host has looked at what waits for it. */
export function pause(): Promise<void> {
  const send = (post ??= fairest());
  return new Promise((resolve) => send(resolve));
}
