/** The statistics panes: the tables of `trace stats`, one at a time or all in a row, for the records that the filter shows. */
import { RecordView } from '../record.ts';
import { report } from '../report.ts';
import { analysis, type Stats } from '../stats.ts';
import type { Line } from './text.ts';
import type { Viewer } from './viewer.ts';

export class StatsPanes {
  /** The report's tables, the summary first. */
  panes: string[][] = [];
  /** The pane that is shown; -1 = all. */
  pane = -1;
  top = 0;
  stale = true;
  /** Part of the trace that has been counted, 0 … 1. */
  progress = 0;

  /** Counts again when something has changed. */
  start(v: Viewer): void {
    if (this.stale && !v.jobs.has('stats')) v.jobs.start('stats', this.count(v));
  }

  private *count(viewer: Viewer): Generator<void, void> {
    const { filter } = viewer.rows;
    this.stale = false;
    while (filter?.usesLatency && !viewer.chains.complete) yield;
    const total = viewer.trace.length, keep = (record: RecordView, index: number): boolean => {
      this.progress = index / total;
      return !filter || filter.test(record, index);
    };
    const stats: Stats = yield* analysis(viewer.trace, keep);
    this.panes = report(stats).trimEnd().split('\n\n').map((part) => part.split('\n'));
    if (this.stale) viewer.jobs.start('stats', this.count(viewer));
  }

  turn(by: number): void {
    this.pane = ((this.pane + 1 + by + this.panes.length + 1) % (this.panes.length + 1)) - 1;
    this.top = 0;
  }

  lines(viewer: Viewer, height: number): Line[] {
    if (this.panes.length === 0)
      return [[{ text: viewer.trace.length === 0 ? 'no records to count' : `counting … ${Math.floor(this.progress * 100)} %` }]];
    const titles = ['all', ...this.panes.map((p, n) => (n === 0 ? 'summary' : p[0]!.trim()))],
      shown = this.pane < 0 ? this.panes.flatMap((p, n) => (n ? ['', ...p] : p)) : this.panes[this.pane]!;
    this.top = Math.max(0, Math.min(this.top, shown.length - height + 1));
    return [
      this.tabs(titles, viewer.width),
      ...shown.slice(this.top, this.top + height - 1).map((text): Line => [{ text, bold: text !== '' && !text.startsWith(' ') }])
    ];
  }

  /** Names of the panes in one line; scrolls left until the selected one is visible. */
  private tabs(titles: string[], width: number): Line {
    const selected = this.pane + 1,
      room = (from: number): number => titles.slice(from, selected + 1).reduce((n, t) => n + t.length + 3, from > 0 ? 2 : 0);
    let from = 0;
    while (from < selected && room(from) > width - 1) from++;
    return [
      ...(from > 0 ? [{ text: '… ' }] : []),
      ...titles.slice(from).flatMap((t, n) => [{ text: ` ${t} `, inverse: n + from === selected }, { text: ' ' }])
    ];
  }
}
