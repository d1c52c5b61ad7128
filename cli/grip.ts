/**
 * A TypeScript component that never yields keeps this process from its event loop: no signal is heard, and no key. A thread watches the
 * loop. When it has not turned for two seconds of processor time, the thread interrupts what runs to give the terminal its mode back and
 * the signals their usual meaning: then Ctrl-C or `kill` ends the process at once. When the loop turns again, everything is as it was.
 *
 * The thread costs some megabytes, so it is for runs that no other process watches (bin/sandbox.cjs ends those).
 */
import { Worker } from 'node:worker_threads';

/** How often the loop says that it turns, and how often the thread looks, ms. */
const EVERY = 100, LOOK = 500;
/**
 * Processor time of a silence after which the process is let go, µs: whoever is stopped, or waits for a busy computer, uses none. What was
 * signalled before is lost then, so it must be long.
 */
const SILENT = 2_000_000;
const HOOK = 'tessera.letGo';
const MEMORY = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 };
/** Cells that both threads see: how often the loop turned; whether the process was let go; one that nobody changes, to wait on. */
const Cell = { turns: 0, free: 1, never: 2 } as const;

const WATCHER = `
  const { workerData: { cells, look, silent, hook } } = require('node:worker_threads');
  const used = () => { const { user, system } = process.cpuUsage(); return user + system; };
  const session = new (require('node:inspector').Session)();
  session.connectToMainThread();
  for (let last = -1, since = 0; ;) {
    Atomics.wait(cells, ${Cell.never}, 0, look);
    const turns = Atomics.load(cells, ${Cell.turns});
    if (turns !== last) since = used();
    else if (used() - since > silent && Atomics.compareExchange(cells, ${Cell.free}, 0, 1) === 0)
      session.post('Runtime.evaluate', { expression: 'globalThis[Symbol.for("' + hook + '")]()' });
    last = turns;
  }
`;

/**
 * Watches the event loop from now on; answers a function that ends it. Where Node has no inspector or allows no thread, nobody watches.
 */
export function watchLoop(letGo: () => void, takeBack: () => void): () => void {
  const cells = new Int32Array(new SharedArrayBuffer(12));
  let watcher: Worker;
  try {
    watcher = new Worker(WATCHER, {
      eval: true, execArgv: [], resourceLimits: MEMORY, trackUnmanagedFds: false,
      workerData: { cells, look: LOOK, silent: SILENT, hook: HOOK }
    });
  } catch {
    return () => {};
  }
  Object.assign(globalThis, { [Symbol.for(HOOK)]: letGo });
  watcher.on('error', () => {}).unref();
  const beat = setInterval(() => {
    Atomics.add(cells, Cell.turns, 1);
    if (Atomics.compareExchange(cells, Cell.free, 1, 0) === 1) takeBack();
  }, EVERY).unref();
  return () => {
    clearInterval(beat);
    void watcher.terminate();
  };
}
