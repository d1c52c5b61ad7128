/** The help page and the one-line key hints. */
import type { Line } from './text.ts';

const HELP = `
 Moving                               Views
   ↑ ↓  k j       one record            t  timeline, a lane per task
   PgUp PgDn      one page              d  sequence diagram of the span
   Home End  g G  first, last           s  statistics of what the filter shows
   :              to a record or time   o  what a running system prints
   n p            along the chain       F  follow a recording that goes on
   > <            into the work, out    Esc or the same key: back to the list
   [ ]            bookmarks           Marking
 Finding                                b      bookmark on, off
   /  search: words or a filter         space  start of a span; again: none
   *  search again                      e      write the span as SVG
   L  slowest shown, the next slowest
   f  filter; Tab completes           Mouse: click selects, wheel scrolls
 Timeline: ← → move, + - zoom, 0 all, ↑ ↓ lanes, T tasks or threads

 Filter, for example:  task:linux kind:event latency>5us
   task: from: to: thread: object:   kind: cause: nr: op: status:
   seq time latency hart bytes address  with  : < <= > >= != or :10..20
   other words are looked for in the line; a,b one of; -term not; * any text`;

export const help = (): Line[] => HELP.slice(1).split('\n').map((text) => [{ text }]);

export const hints: Record<string, string> = {
  list: '/ search  f filter  n p chain  > < work  L slowest  t d s views  ? help',
  timeline: '←→ move  +- zoom  0 all  ↑↓ lanes  T tasks/threads  t back  ? help  q quit',
  diagram: '↑↓ scroll  e write SVG  d back  ? help  q quit',
  stats: '↑↓ scroll  Tab one table after the other  s back  ? help  q quit',
  console: '↑↓ scroll  o back  ? help  q quit',
  help: '? back  q quit',
};
