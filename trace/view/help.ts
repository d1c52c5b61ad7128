/** The help page and the one-line key hints. */
import type { Line } from './text.ts';

const HELP = `
 Moving                                     Views
   ↑ ↓  k j        one record                 t   timeline (a lane per task; T: per thread)
   PgUp PgDn       one page                   d   sequence diagram of the span
   Home End  g G   first, last                s   statistics of what the filter shows
   :               to a record, or time:1ms   ?   this page
   n p             along causality            Esc or the same key: back to the list
   [ ]             previous, next bookmark

 Finding                                    Marking
   /   search text or a filter; * next        b       bookmark on, off
   f   filter, Tab completes, Enter applies   space   start of a span (again: none)
       f and Enter on nothing shows all       e       write the span as SVG

 Filter:  task:NAME from: to: thread: kind:event cause:pageFault nr:openat op:task.map status:badCap
          latency>5us time:1ms..2ms seq:10..90 hart:0 bytes>64 address>=0x10000  words
          several terms: all must hold; a,b: one of; -term: not; * any text

 Timeline: ← → one record of the lane order, + - zoom, ↑ ↓ lanes, 0 all of it.        q  quit`;

export const help = (): Line[] => HELP.slice(1).split('\n').map((text) => [{ text }]);

export const hints: Record<string, string> = {
  list: '/ search  f filter  n/p cause  b bookmark  space mark  t timeline  d diagram  s statistics  ? help  q quit',
  timeline: '←→ move  +- zoom  0 all  ↑↓ lanes  T tasks/threads  t back  ? help  q quit',
  diagram: '↑↓ scroll  e write SVG  d back  ? help  q quit',
  stats: '↑↓ scroll  s back  ? help  q quit',
  help: '? back  q quit',
};
