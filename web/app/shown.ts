/** Work that can wait: until an element is on the screen, or until the browser has nothing else to do. */

/**
 * Calls `then` once, as soon as the element has a size: what a telephone does not show yet is not made yet. Returns a function that gives
 * up waiting.
 */
export function whenShown(element: HTMLElement, then: () => void): () => void {
  const watcher = new ResizeObserver(() => {
    if (element.offsetHeight === 0) return;
    watcher.disconnect();
    then();
  });
  watcher.observe(element);
  return () => watcher.disconnect();
}

/** Calls `then` when the browser is idle, at the latest after two seconds (Safari: in a moment). */
export function whenIdle(then: () => void): void {
  if ('requestIdleCallback' in globalThis) requestIdleCallback(then, { timeout: 2000 });
  else setTimeout(then, 200);
}

const grouped = new Intl.NumberFormat('en-US');
/** A number with its thousands apart. (`toLocaleString` would look its language up for each number.) */
export const thousands = (value: number): string => grouped.format(value);
