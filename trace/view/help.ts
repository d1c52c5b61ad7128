/** The help page and the one-line key hints. */
import type { Line } from './text.ts';

const HELP = `
 Moving                               Views
   ↑ ↓  k j       one record            Enter  all about this record
   PgUp PgDn      one page              t  timeline, a lane per task
   Home End  g G  first, last           d  sequence diagram of the span
   :              to a record or time   c  its critical path
   n p            along the chain       s  statistics of what the filter shows
   > <            into the work, out    o  what a running system prints
   [ ]            bookmarks             F  follow a recording that goes on
 Finding                                Esc or the same key: back to the list
   /  search: words or a filter       Marking
   *  search again                      b      bookmark on, off
   L  slowest shown, the next slowest   space  start of a span; again: none
   f  filter; Tab completes             e      write the span as SVG
 Timeline: ← → move, + - zoom, 0 all, ↑ ↓ lanes, T tasks or threads
 Mouse: click selects, wheel scrolls. Prompts: ↑ ↓ bring back earlier ones
 Filter, for example:  task:linux kind:event latency>5us
   task: from: to: thread: object:   kind: cause: nr: op: device: status:
   seq time latency hart bytes address  with  : < <= > >= != or :10..20
   other words are looked for in the line; a,b one of; -term not; * any text`;

export const help = (): Line[] => HELP.slice(1).split('\n').map((text) => [{ text }]);

export const hints: Record<string, string> = {
  list: '/ search  f filter  n p chain  > < work  L slowest  Enter t d c s views  ? help',
  timeline: '←→ move  +- zoom  0 all  ↑↓ lanes  T tasks/threads  t back  ? help  q quit',
  diagram: '↑↓ scroll  e write SVG  d back  ? help  q quit',
  stats: '↑↓ scroll  Tab one table after the other  s back  ? help  q quit',
  record: '↑↓ scroll  n p chain  > < work  Enter back  ? help  q quit',
  path: '↑↓ scroll  c back  ? help  q quit',
  console: '↑↓ scroll  o back  ? help  q quit',
  help: '? back  q quit',
};
