/**
 * Lets the host's own events run between two pieces of a run. Browsers delay a 0 ms timer by 4 ms after a few in a row, which made `sleep
 * 20` take thirty times as long; a message on a channel of one's own returns at once, after the events that already wait. In Node such a
 * message overtakes due timers a thousand times in a row, so Node uses `setImmediate`, which is fair.
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

/** Resolves when the host has handled its waiting events. */
export function pause(): Promise<void> {
  const send = (post ??= fairest());
  return new Promise((resolve) => send(resolve));
}
