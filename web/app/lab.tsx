/** A lab: its page, an editor for the submission, and the verdict of its grader. The submission stays in this browser. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Variant } from '../../labs/grading/lab.ts';
import type { CheckResult, Finding, Verdict } from '../../labs/grading/verdict.ts';
import type { FromLab, LabInfo, ToLab } from '../lab-protocol.ts';
import { Editor } from './editor.tsx';
import { Icon } from './icons.tsx';
import { save } from './workspace.tsx';

/** Time limit of a check in milliseconds. */
const PATIENCE = 120_000, INSTALLED_BY = 20_000;
const keyOf = (lab: string, file: string): string => `tessera-lab/${lab}/${file}`;
const stored = (key: string): string | undefined => { try { return localStorage.getItem(key) ?? undefined; } catch { return undefined; } };
const keep = (key: string, text: string): void => {
  try { localStorage.setItem(key, text); } catch { /* storage is full or forbidden, so the page does not remember */ }
};

/** Resolves to true when the service worker serves this page's files; false when it does not start. */
async function controlled(): Promise<boolean> {
  const worker = navigator.serviceWorker as ServiceWorkerContainer | undefined;
  for (const end = performance.now() + INSTALLED_BY; worker && performance.now() < end; await new Promise((r) => setTimeout(r, 100)))
    if (worker.controller) return true;
  return false;
}

const FIGURE = /\{\{(\w+)\}\}/g;
/** A text of a lab with the student's own figures. */
const filled = (text: string, variant: Variant): string =>
  text.replace(FIGURE, (all, name: string) => (name in variant ? String(variant[name]) : all));

interface Props { info: LabInfo; open(name: string, trace: Uint8Array, record: number | undefined): void }

export function Lab({ info, open }: Props) {
  const [page, setPage] = useState(''), [files, setFiles] = useState<Readonly<Record<string, string>>>({}),
    [at, setAt] = useState(info.files[0]!), [seed, setSeed] = useState(stored('tessera-lab-seed') ?? 'me');
  const [variant, setVariant] = useState<Variant | undefined>(undefined), [busy, setBusy] = useState(''),
    [result, setResult] = useState<Extract<FromLab, { type: 'verdict' }> | undefined>(undefined), [problem, setProblem] = useState(''),
    [side, setSide] = useState<'page' | 'editor'>('page');
  const starters = useRef<Record<string, string>>({});
  useEffect(() => {
    void fetch(`labs/${info.name}/page.html`).then((r) => r.text()).then(setPage);
  }, [info.name]);
  useEffect(() => {
    if (variant)
      void Promise.all(info.files.map(async (f) => {
        starters.current[f] = filled(await (await fetch(`labs/${info.name}/${f}`)).text(), variant);
        return [f, stored(keyOf(info.name, f)) ?? starters.current[f]!] as const;
      })).then((all) =>
        setFiles(Object.fromEntries(all)));
  }, [info.name, variant]);
  useEffect(() => {
    keep('tessera-lab-seed', seed);
    const worker = new Worker(new URL('./lab.js', import.meta.url));
    worker.onmessage = ({ data }: MessageEvent<FromLab>) => { if (data.type === 'variant') setVariant(data.variant); worker.terminate(); };
    worker.postMessage({ type: 'variant', lab: info.name, seed } satisfies ToLab);
    return () => worker.terminate();
  }, [info.name, seed]);
  // The page is laid out once; the student's figures come into it later.
  const html = useMemo(() => page.replace(FIGURE, '<span data-figure="$1">…</span>'), [page]), article = useRef<HTMLElement>(null);
  useEffect(() => {
    for (const place of variant ? article.current!.querySelectorAll<HTMLElement>('[data-figure]') : [])
      place.textContent = String(variant![place.dataset['figure']!] ?? '');
  }, [html, variant]);

  const change = (text: string): void => { keep(keyOf(info.name, at), text); setFiles((f) => ({ ...f, [at]: text })); };
  const check = async (): Promise<void> => {
    setResult(undefined);
    setProblem('');
    setBusy('getting ready');
    const installed = info.language !== 'typescript' || await controlled();
    setBusy('');
    if (!installed)
      return setProblem('The page has not finished installing itself, which checking a lab needs. Load it again; in a private window it '
        + 'may be impossible.');
    setBusy('compiling');
    const worker = new Worker(new URL('./lab.js', import.meta.url)),
      over = (): void => { worker.terminate(); clearTimeout(late); setBusy(''); };
    const late = setTimeout(() => { over(); setProblem(`The check was given up after ${PATIENCE / 1000} seconds.`); }, PATIENCE);
    worker.onmessage = ({ data }: MessageEvent<FromLab>) => {
      if (data.type === 'world') return setBusy(`world “${data.name}”`);
      over();
      if (data.type === 'verdict') setResult(data);
      if (data.type === 'failed') setProblem(data.message);
    };
    worker.onerror = (e) => { over(); setProblem(e.message); };
    worker.postMessage({ type: 'check', lab: info.name, seed, files } satisfies ToLab);
  };
  return (
    <main id="main" tabIndex={-1} class="lab" data-side={side}>
      <div class="controls" role="toolbar" aria-label="Lab">
        <div class="name">
          <strong>{info.number}. {info.title}</strong>
          <span class="dim">{info.hours[0]} to {info.hours[1]} hours</span>
        </div>
        <button class="primary" disabled={busy !== '' || files[at] === undefined} onClick={() => void check()}>
          <Icon name="play" />
          Check
        </button>
        <span class="dim" role="status">{busy && `checking: ${busy} …`}</span>
        <span class="spring" />
        <label class="seed">
          Your name
          <input value={seed} onChange={(e) => setSeed(e.currentTarget.value.trim() || 'me')}
            title="Figures of the lab are drawn from it" />
        </label>
      </div>
      <div class="split">
        <section class="pane reading" aria-label="The lab"><article ref={article} dangerouslySetInnerHTML={{ __html: html }} /></section>
        <div class="splitter" aria-hidden="true" />
        <div class="right">
          <section class="pane writing" aria-label="What you hand in">
            <div class="bar">
              <div role="tablist" aria-label="Files">
                {info.files.map((f) =>
                  <button key={f} role="tab" class="tab" aria-selected={f === at} onClick={() => setAt(f)}>{f}</button>)}
              </div>
              <span class="spring" />
              <button class="quiet" onClick={() => save(at, new TextEncoder().encode(files[at]))}><Icon name="down" />Download</button>
              <button class="quiet"
                onClick={() => { if (confirm(`Replace ${at} by what the lab starts with?`)) change(starters.current[at]!); }}>
                <Icon name="again" />
                Start over
              </button>
            </div>
            {files[at] !== undefined && <Editor key={at} name={at} text={files[at]} change={change} />}
          </section>
          {(result || problem)
            && <section class="pane verdict" aria-label="Verdict" aria-live="polite">
              {problem && <p class="note">{problem}</p>}
              {result && <VerdictOf verdict={result.verdict} traces={result.traces} open={open} />}
            </section>}
        </div>
      </div>
      <nav class="bottom" aria-label="Panes">
        <button aria-pressed={side === 'page'} onClick={() => setSide('page')}><Icon name="book" />Lab</button>
        <button aria-pressed={side === 'editor'} onClick={() => setSide('editor')}><Icon name="file" />Files</button>
      </nav>
    </main>
  );
}

function VerdictOf({ verdict, traces, open }: { verdict: Verdict; traces: Readonly<Record<string, Uint8Array>>; open: Props['open'] }) {
  const look = (f: Finding): void => { const trace = traces[f.world]; if (trace) open(f.world, trace, f.record); };
  return (
    <>
      <div class="bar">
        <strong class="points" data-all={verdict.points === verdict.of}>{verdict.points} of {verdict.of} points</strong>
        <span class="spring" />
        {Object.entries(traces).map(([world, trace]) =>
          <button key={world} class="quiet" onClick={() => open(world, trace, undefined)}><Icon name="sequence" />{world}</button>)}
      </div>
      <div class="scroll">
        {verdict.notes.map((n) => <p key={n} class="note">{n}</p>)}
        <ul>{verdict.checks.map((c) => <Check key={c.id} check={c} look={look} traces={traces} />)}</ul>
        {verdict.output.length > 0
          && <details><summary>What was printed, and how worlds ended</summary><pre>{verdict.output.join('\n')}</pre></details>}
      </div>
    </>
  );
}

function Check({ check, look, traces }: { check: CheckResult; look(f: Finding): void; traces: Readonly<Record<string, Uint8Array>> }) {
  return (
    <li class="check" data-passed={check.passed}>
      <span class="mark-of">{check.passed ? 'passed' : 'failed'}</span><span class="title">{check.title}</span>
      <span class="dim">{check.got}/{check.points}</span>
      {!check.passed && <div class="why">
        {check.findings.map((f, i) =>
          <p key={i}>
            {f.world && <span class="dim">{f.world}: </span>}
            expected {f.expected}
            ; seen {f.seen} {traces[f.world]
              && <button class="quiet" onClick={() => look(f)}>
                <Icon name="sequence" />
                {f.record === undefined ? 'Trace' : `Record ${f.record}`}
              </button>}
          </p>)}
        <p class="dim">{check.mistake}</p>
      </div>}
    </li>
  );
}
