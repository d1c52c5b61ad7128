/**
 * The generated conformance page, docs/reference/conformance.md: recorded runs of suites, clauses with the code that implements and the
 * tests that check them, and QEMU's differences.
 *
 *   npx tsx test/conformance/conformance-page.ts > docs/reference/conformance.md
 */
import { fileURLToPath } from 'node:url';
import { clauses } from './clauses.ts';
import { QEMU_DIFFERENCES } from './hypervisor-qemu.ts';
import { collect, DOCUMENTS, isTest, type Mark } from './marks.ts';
import { type Result, results } from './record.ts';
import { answerHelp } from '../tool.ts';

const head = `# Conformance: clauses and runs

*Made by \`test/conformance/conformance-page.ts\` from the \`@spec\` marks of the sources and the recorded runs in
\`test/conformance/results.json\`.
What was decided where the specifications leave a choice is in [conformance.md](../conformance.md).*
`;

/** Chapters without any implementation, and why the machine does not need them. Chapters that are no extension are left out. */
const ABSENT: Readonly<Record<string, string>> = {
  'priv 5': 'indirect access serves extensions that are absent', 'priv 7': 'cycle and instret are not filtered by mode',
  'priv 8': 'no resumable NMI; none is required',
  'priv 9': 'counters are delegated by firmware, through the SBI', 'priv 10': 'optional, later than the profile',
  'priv 11': 'optional: a debugging aid',
  'priv 17': 'holds without work: entries that are not valid are never cached', 'priv 18': 'no caches to partition', 'priv 22': 'optional',
  'priv 23': 'optional', 'priv 24': 'optional',
  'unpriv 3': 'a base of its own', 'unpriv 16': 'optional', 'unpriv 22': 'optional', 'unpriv 24': 'optional',
  'unpriv 26': 'excludes F and D', 'unpriv 30': 'optional', 'unpriv 32': 'needs the vector extension', 'unpriv 33': 'optional',
  'unpriv 34': 'RV32 only',
};
const NOT_EXTENSIONS = new Set([
  'priv 1', 'priv 25', 'priv 26', 'unpriv 1', 'unpriv 17', 'unpriv 18', 'unpriv 35', 'unpriv 36', 'unpriv 37', 'unpriv 38'
]);

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
const order = (first: string, second: string): number => {
  const [x, y] = [first, second].map((n) => n.split(/[.-]/).map(Number));
  for (let i = 0; i < Math.max(x!.length, y!.length); i++) if ((x![i] ?? -1) !== (y![i] ?? -1)) return (x![i] ?? -1) - (y![i] ?? -1);
  return 0;
};
const unique = (items: Iterable<string>): string[] => [...new Set(items)].sort();
const within = (place: string, chapter: string): boolean => place === chapter || place.startsWith(`${chapter}.`);

/** Files as links from docs/reference. */
const links = (files: readonly string[]): string =>
  files.map((f) => `[${f.replace(/^(machine|test\/conformance|guests\/hypervisor)\//, '')}](../../${f})`).join(', ');

function suites(all: readonly Result[]): string {
  const rows = all.map((r) => `| ${cell(r.suite)} | ${cell(r.revision)} | \`${r.command}\` | ${r.passed} | ${r.failed} | ${r.skipped} |`);
  const left = all.filter((r) => r.left.length > 0).map((r) =>
    `### ${r.suite}: judged\n\n| test | why it does not count |\n|---|---|\n`
      + `${r.left.map((l) => `| ${cell(l.test)} | ${cell(l.reason)} |`).join('\n')}\n`);
  const notes = all.filter((r) => r.note !== undefined).map((r) => `### ${r.suite}: how\n\n${r.note}\n`);
  return `## Runs\n\n| suite | revision | command | passed | failed | skipped |\n|---|---|---|--:|--:|--:|\n${rows.join('\n')}\n\n`
    + `${[...notes, ...left].join('\n')}`;
}

function chapterTable(document: 'priv' | 'unpriv', marks: readonly Mark[], all: readonly Result[]): string {
  const titles = clauses()[document];
  const rows = Object.keys(titles).filter((n) => !n.includes('.') && !NOT_EXTENSIONS.has(`${document} ${n}`)).sort(order).map((chapter) => {
    const here = marks.filter((m) => m.document === document && within(m.place, chapter));
    const places = (test: boolean) => unique(here.filter((m) => isTest(m.file) === test).map((m) => m.place)).length;
    const covering = all.filter((r) => r.covers.some((c) => c === `${document} ${chapter}`)).map((r) => r.suite.replace(/,.*/, ''));
    const count = places(false);
    const state = count > 0
      ? `${count === 1 ? 'one clause' : `${count} clauses`} marked`
      : `absent: ${ABSENT[`${document} ${chapter}`] ?? 'not said'}`;
    return `| ${chapter} | ${cell(titles[chapter]!)} | ${state} | ${count > 0 ? unique(covering).join('; ') : ''} |`;
  });
  return `| | chapter | here | suites |\n|--:|---|---|---|\n${rows.join('\n')}\n`;
}

/** Suites that exercise the chapter of a clause. */
const suitesOf = (document: string, place: string, all: readonly Result[]): string =>
  unique(all.filter((r) => r.covers.some((c) => c.startsWith(`${document} `) && within(place, c.slice(document.length + 1)))).map((r) =>
    r.suite.replace(/,.*/, ''))).join(
    ', ');

function clauseTable(document: string, marks: readonly Mark[], all: readonly Result[]): string {
  const titles: Readonly<Record<string, string>> = document === 'priv' || document === 'unpriv' ? clauses()[document] : {};
  const here = marks.filter((m) => m.document === document && !m.place.startsWith('table'));
  const rows = unique(here.map((m) => m.place)).sort(order).map((place) => {
    const files = (test: boolean) => unique(here.filter((m) => m.place === place && isTest(m.file) === test).map((m) => m.file));
    const tests = files(true), suites = suitesOf(document, place, all);
    return `| ${place} | ${cell(titles[place] ?? '')} | ${links(files(false))} | `
      + `${tests.length > 0 || suites === '' ? links(tests) : `chapter: ${suites}`} |`;
  });
  return `### ${document}\n\n${DOCUMENTS[document]}.\n\n| clause | | implemented in | tested by |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

function qemu(): string {
  const rows = QEMU_DIFFERENCES.map((d) => `| ${d.clause} | ${cell(d.qemu)} | ${cell(d.specification)} | ${d.since ?? ''} |`);
  return `## Where QEMU 7.2 differs\n\nFound by the hypervisor suite (\`guests/hypervisor\`), each judged against the text. In the last `
    + `column: QEMU was right by the edition before it.\n\n| clause | QEMU 7.2 | specification, and here | since |\n|---|---|---|---|\n`
    + `${rows.join('\n')}\n`;
}

/** The page as Markdown. */
export function conformancePage(root: string): string {
  const { marks } = collect(root);
  const all = results();
  const chapters = `## Chapters of the RISC-V manuals\n\n### Privileged\n\n${chapterTable('priv', marks, all)}\n### Unprivileged\n\n`
    + `${chapterTable('unpriv', marks, all)}`;
  const tables = Object.keys(DOCUMENTS).filter((d) => marks.some((m) => m.document === d)).map((d) => clauseTable(d, marks, all));
  return [
    head, suites(all), chapters, qemu(),
    `## Clauses\n\nA clause stands where a source names it; a chapter's number stands for all of it. Tests are named where they name the `
      + `clause, else the suites that exercise its chapter.\n`,
    ...tables
  ].join(
    '\n').replaceAll(/\n{3,}/g,
    '\n\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) answerHelp(import.meta.filename);
if (process.argv[1] === fileURLToPath(import.meta.url))
  process.stdout.write(conformancePage(fileURLToPath(new URL('../..', import.meta.url))));
