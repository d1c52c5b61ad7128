/** The line at the bottom where a filter, a search or a record number is typed; Tab completes what can be completed. */
import { FilterError, completions } from '../filter.ts';
import { search } from './seek.ts';
import type { Viewer } from './viewer.ts';

export type PromptKind = 'filter' | 'search' | 'go to' | 'address' | 'command';

export class Prompt {
  readonly kind: PromptKind;
  text: string;
  error = '';
  /** Where the next character goes. */
  at: number;
  private recalled = -1;
  /** The completions that Tab cycles through, and the current one. */
  private choices: string[] = [];
  private chosen = -1;
  constructor(kind: PromptKind, text = '') { this.kind = kind; this.text = text; this.at = text.length; }

  /** Handles a key; returns true when the prompt is done. */
  key(viewer: Viewer, name: string, typed: string): boolean {
    if (name === 'escape') return true;
    if (name === 'return') return this.accept(viewer);
    if (name === 'tab') this.complete(viewer);
    else if (name === 'up' || name === 'down') this.recall(viewer, name === 'up' ? 1 : -1);
    else if (name === 'left' || name === 'right' || name === 'home' || name === 'end')
      this.at = { left: Math.max(0, this.at - 1), right: Math.min(this.text.length, this.at + 1), home: 0, end: this.text.length }[name];
    else this.edit(name, typed);
    return false;
  }

  private edit(name: string, typed: string): void {
    const before = this.text.slice(0, this.at), after = this.text.slice(this.at);
    if (name === 'backspace' || name === 'delete') this.put(before.slice(0, -1), after);
    else if (name === 'clear') this.put('', '');
    else if (name === 'word') this.put(before.replace(/\S*\s*$/, ''), after);
    else if (typed) this.put(before + typed, after);
    this.choices = [];
    this.error = '';
  }
  private put(before: string, after: string): void { this.text = before + after; this.at = before.length; }

  /** Earlier texts of prompts of this kind. */
  private recall(viewer: Viewer, by: number): void {
    const earlier = viewer.history.filter((h) => h.kind === this.kind).map((h) => h.text),
      next = Math.max(-1, Math.min(earlier.length - 1, this.recalled + by));
    if (next === this.recalled) return;
    this.recalled = next;
    this.put(next < 0 ? '' : earlier[next]!, '');
    this.error = '';
  }

  /** Possible continuations, for the hint line. */
  hint(viewer: Viewer): string {
    if (this.error) return this.error;
    if (this.kind === 'address') return 'an address of the guest, such as 0xffffffff80000000; Enter walks its tables, Esc leaves';
    if (this.kind === 'command') return 'the command of this run, such as boot getpid; Enter runs it up to the record for gdb, Esc leaves';
    if (this.kind === 'go to') return 'a record number, time:1.5ms, or addr 0x80200000; Enter goes there, Esc leaves';
    const known = this.choices.length ? this.choices : completions(this.text, viewer.trace),
      words = known.slice(0, 16).map((c) => c.slice(c.lastIndexOf(' ') + 1));
    return words.length && !/\s$/.test(this.text) ? `Tab: ${words.join('  ')}` : 'Enter applies, Esc leaves, Tab completes, Ctrl-U clears';
  }

  private complete(viewer: Viewer): void {
    if (this.kind === 'go to' || this.kind === 'address' || this.kind === 'command') return;
    if (this.choices.length === 0) { this.choices = completions(this.text, viewer.trace); this.chosen = -1; }
    if (this.choices.length === 0) return;
    const common = this.choices.length > 1 ? prefix(this.choices) : '';
    if (this.chosen < 0 && common.length > this.text.length) { this.put(common, ''); this.choices = []; return; }
    this.chosen = (this.chosen + 1) % this.choices.length;
    this.put(this.choices[this.chosen]!, '');
    if (this.choices.length === 1) this.choices = [];
  }

  private accept(viewer: Viewer): boolean {
    try {
      if (this.kind === 'command') debugRun(viewer, this.text.trim());
      else if (this.kind === 'filter') viewer.applyFilter(this.text);
      else if (this.kind === 'address' || ADDRESS.test(this.text)) walkTo(viewer, this.text.replace(ADDRESS, '').trim());
      else if (this.kind === 'search') { if (this.text.trim()) search(viewer, this.text); } else goTo(viewer, this.text.trim());
      if (this.text.trim()) viewer.history.unshift({ kind: this.kind, text: this.text });
      return true;
    } catch (error) {
      if (!(error instanceof FilterError)) throw error;
      this.error = error.message;
      return false;
    }
  }
}

function debugRun(viewer: Viewer, command: string): void {
  if (command === '') throw new FilterError('give the command of this run, as it was typed');
  viewer.debug!(viewer.command = command, viewer.record);
}

/** `:addr 0x80200000` is the same as `a` and the address. */
const ADDRESS = /^\s*addr\s+(?=\S)/;

/** Shows where an address of a guest is. */
function walkTo(viewer: Viewer, text: string): void {
  const walked = viewer.address?.(text) ?? 'there is nothing here that walks page tables';
  if (typeof walked === 'string') throw new FilterError(walked);
  viewer.walked = walked;
  viewer.pageTop = 0;
  viewer.mode = 'address';
}

function goTo(viewer: Viewer, text: string): void {
  const time = /^time[:=]?(\d+(?:\.\d+)?)(ns|us|µs|ms|s)?$/.exec(text);
  if (viewer.trace.length === 0) throw new FilterError('there are no records');
  if (time)
    return viewer.goTo(Math.min(viewer.trace.length - 1,
      viewer.trace.indexAtTime(Number(time[1]) * { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9 }[(time[2] ?? 'ns') as 'ns']!)));
  const index = /^\d+$/.test(text) ? viewer.trace.indexOf(Number(text)) : -1;
  if (index < 0) {
    const first = viewer.trace.at(0).sequence, last = viewer.trace.at(viewer.trace.length - 1).sequence;
    throw new FilterError(`no record '${text}'; there are ${first} to ${last}`);
  }
  viewer.goTo(index);
}

function prefix(list: string[]): string {
  let common = list[0]!;
  for (const item of list) while (!item.startsWith(common)) common = common.slice(0, -1);
  return common;
}
