/** The help page and the one-line key hints. */
import type { Line } from './text.ts';

const HELP = `
 Moving                               Views
   ↑ ↓  k j       one record            Enter  all about this record
   PgUp PgDn      one page              t  timeline, a lane per task
   Home End  G    first, last           d  sequence diagram of the span
   :              to a record or time   c  its critical path
   . ,  n p       along the chain       s  statistics of what the filter shows
   > <            into the work, out    o  what a running system prints
   [ ]  ← →       bookmarks, sideways   F  follow a recording that goes on
                                        a  where an address of a guest is
 Finding                                g  gdb at this record, by replay
   /  search: words or a filter         q, Esc or the same key: back to the list
   n N  next match, the one before    Marking
   L  slowest shown, the next slowest   b      bookmark on, off
   f  filter; Tab completes; Esc: none  space  start of a span; e  as SVG
 Timeline: ← → move, + - zoom, z the span, 0 all, ↑ ↓ lanes, T tasks/threads
 Mouse: click selects, wheel scrolls. Prompts: ↑ ↓ bring back earlier ones
 Filter, for example:  task:linux kind:event latency>5us
   task: from: to: thread: object:   kind: cause: nr: op: device: status:
   seq time latency hart bytes address  with  : < <= > >= != or :10..20
   other words are looked for in the line; a,b one of; -term not; * any text`;

export const help = (): Line[] => HELP.slice(1).split('\n').map((text) => [{ text }]);

export const hints: Record<string, string> = {
  list: '/ search  f filter  . , chain  > < work  L slowest  Enter t d c s views  ? help',
  timeline: '←→ move  +- zoom  z span  0 all  ↑↓ lanes  T tasks/threads  t q back  ? help',
  diagram: '↑↓ scroll  e write SVG  d q back  ? help',
  stats: '↑↓ scroll  Tab one table after the other  s q back  ? help',
  record: '↑↓ scroll  . , chain  > < work  Enter q back  ? help',
  path: '↑↓ scroll  c q back  ? help',
  address: '↑↓ scroll  a another address  q back  ? help',
  console: '↑↓ scroll  o q back  ? help',
  help: '? q back',
};
