/** Consoles: one terminal for each visible console of the machine. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Terminal } from '@xterm/xterm';
import type { Session } from './session.ts';
import { whenIdle, whenShown } from './shown.ts';
import { dark } from './theme.ts';

const themes = {
  light: {
    background: '#fdfcfa', foreground: '#22211f', cursor: '#a8431f', selectionBackground: '#e8d9cd', black: '#22211f', red: '#b3261e',
    green: '#2f6b2f', yellow: '#7a5a00', blue: '#1f5fa8', magenta: '#7d3c98', cyan: '#0f6b75', white: '#6b6963', brightBlack: '#6b6963',
    brightRed: '#b3261e', brightGreen: '#2f6b2f', brightYellow: '#7a5a00', brightBlue: '#1f5fa8', brightMagenta: '#7d3c98',
    brightCyan: '#0f6b75', brightWhite: '#22211f'
  },
  dark: {
    background: '#171614', foreground: '#e9e6df', cursor: '#ef9468', selectionBackground: '#4a3a30', black: '#171614', red: '#f08a80',
    green: '#8cc98c', yellow: '#e0b860', blue: '#86b8f0', magenta: '#d0a0e0', cyan: '#7cc8d0', white: '#e9e6df', brightBlack: '#a19d93',
    brightRed: '#f08a80', brightGreen: '#8cc98c', brightYellow: '#e0b860', brightBlue: '#86b8f0', brightMagenta: '#d0a0e0',
    brightCyan: '#7cc8d0', brightWhite: '#ffffff'
  },
} as const;

/** xterm's screen-reader mode ignores the keyboards of telephones, so it is off there; their screen readers read the screen itself. */
const touch = matchMedia('(pointer: coarse)');

const RETURN = 0x0d, NEWLINE = 0x0a;
/** Consoles without a terminal driver end lines with a line feed only. */
function withReturns(bytes: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === NEWLINE && bytes[i - 1] !== RETURN) out.push(RETURN);
    out.push(bytes[i]!);
  }
  return Uint8Array.from(out);
}

/** Terminals of a run by channel; output waits until its terminal exists. */
class Screens {
  private readonly terminals = new Map<string, Terminal>();
  private readonly waiting = new Map<string, Uint8Array[]>();
  private readonly into = new Map<string, string>();

  constructor(session: Session) {
    for (const c of session.consoles.value) if (c.into) this.into.set(c.channel, c.into);
    session.listen((channel, bytes) => this.write(this.into.get(channel) ?? channel, bytes));
  }
  add(channel: string, terminal: Terminal): void {
    this.terminals.set(channel, terminal);
    for (const bytes of this.waiting.get(channel) ?? []) terminal.write(bytes);
    this.waiting.delete(channel);
  }
  private write(channel: string, bytes: Uint8Array): void {
    const text = withReturns(bytes), terminal = this.terminals.get(channel);
    if (terminal) return terminal.write(text);
    this.waiting.set(channel, [...(this.waiting.get(channel) ?? []), text]);
  }
}

export function Consoles({ session }: { session: Session }) {
  const all = session.consoles.value.filter((c) => !c.into), [at, setAt] = useState(0), screens = useRef<Screens | undefined>(undefined);
  if (all.length === 0)
    return <section class="console pane" aria-label="Console">
      <div class="empty">{session.phase.value === 'loading' ? 'Starting the machine …' : ''}</div>
    </section>;
  screens.current ??= new Screens(session);
  return (
    <section class="console pane" aria-label="Console">
      <div class="bar" role="tablist" aria-label="Consoles">
        {all.map((c, i) =>
          <button key={c.channel} role="tab" class="tab" aria-selected={i === at} tabIndex={i === at ? 0 : -1} onClick={() => setAt(i)}>
            {c.label}
          </button>)}
      </div>
      {all.map((c, i) =>
        <Screen key={c.channel} session={session} screens={screens.current!} channel={c.channel} label={c.label} input={c.input}
          shown={i === at} />)}
    </section>
  );
}

function opened(Xterm: typeof Terminal, place: HTMLElement, label: string, input: boolean): Terminal {
  const t = new Xterm({
    fontFamily: 'ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", "Liberation Mono", monospace', fontSize: 13, lineHeight: 1.25,
    scrollback: 10_000, disableStdin: !input, cursorBlink: false,
    theme: themes[dark.value ? 'dark' : 'light'], convertEol: false, minimumContrastRatio: 4.5,
  });
  t.open(place);
  t.textarea?.setAttribute('aria-label', `${label}: terminal input`);
  return t;
}
/** Gives a terminal the lines that screen readers read. Each is measured, which takes a tenth of a second for a screen. */
function readAloud(t: Terminal): void {
  t.options.screenReaderMode = !touch.matches;
  t.refresh(0, t.rows - 1);
}

interface ScreenProps { session: Session; screens: Screens; channel: string; label: string; input: boolean; shown: boolean }
function Screen({ session, screens, channel, label, input, shown }: ScreenProps) {
  const place = useRef<HTMLDivElement>(null), terminal = useRef<Terminal | undefined>(undefined), fit = useRef<() => void>(() => undefined);
  useEffect(() => {
    let gone = false, watcher: ResizeObserver | undefined;
    const unwatch = whenShown(place.current!, () => void Promise.all([import('@xterm/xterm'), import('@xterm/addon-fit')])
      .then(([{ Terminal: Xterm }, { FitAddon }]) => {
        if (gone || !place.current) return;
        const t = opened(Xterm, place.current, label, input), fitting = new FitAddon();
        t.loadAddon(fitting);
        fit.current = () => { if (place.current?.offsetHeight) fitting.fit(); };
        watcher = new ResizeObserver(() => fit.current());
        watcher.observe(place.current);
        t.onResize(({ cols, rows }) => { if (input) session.send({ type: 'size', channel, columns: cols, rows }); });
        t.onData((text) => session.send({ type: 'input', channel, bytes: new TextEncoder().encode(text) }));
        fit.current();
        if (input) session.send({ type: 'size', channel, columns: t.cols, rows: t.rows });
        screens.add(channel, t);
        terminal.current = t;
        if (input && session.what.kind !== 'scenario') t.focus();
        whenIdle(() => { if (!gone) readAloud(t); });
      }));
    return () => { gone = true; unwatch(); watcher?.disconnect(); terminal.current?.dispose(); };
  }, []);
  useEffect(() => dark.subscribe((d) => { if (terminal.current) terminal.current.options.theme = themes[d ? 'dark' : 'light']; }), []);
  useEffect(() => { if (shown) fit.current(); }, [shown]);
  return <div class="screen" role="tabpanel" aria-label={label} hidden={!shown} ref={place} />;
}
