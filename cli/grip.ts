/**
 * A TypeScript component that never yields blocks this process's event loop, so neither signals nor keys are handled. A thread watches the
 * loop. When it has not turned for two seconds of processor time, the thread interrupts the running code to restore the terminal's mode and
 * the default action of signals: then Ctrl-C or `kill` ends the process at once. When the loop turns again, the thread undoes this.
 *
 * The thread costs some megabytes, so it serves only runs that no other process watches (bin/sandbox.cjs ends those).
 */
import { Worker } from 'node:worker_threads';

/** Interval of the loop's signal, and of the thread's check, ms. */
const EVERY = 100, LOOK = 500;
/**
 * Processor time without a turn after which the thread acts, µs: a stopped process, or one on a busy computer, uses none. Earlier signals
 * are lost then, so it must be long.
 */
const SILENT = 2_000_000;
const HOOK = 'tessera.letGo';
const MEMORY = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 };
/** Shared cells: turns of the loop; whether the thread has acted; a constant to wait on. */
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

/** Starts watching the event loop; returns a function that stops it. Does nothing where Node has no inspector or allows no thread. */
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
