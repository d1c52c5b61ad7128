/** A verdict as text, and in other formats: JSON, Markdown, Gradescope's results.json, a line of CSV. */
import type { Lab } from '../../labs/grading/lab.ts';
import type { CheckResult, Verdict } from '../../labs/grading/verdict.ts';

export const FORMATS = ['text', 'markdown', 'json', 'gradescope', 'csv'] as const;
export type Format = (typeof FORMATS)[number];

/** `traceOf`: path of the file with a world's trace. */
export type TraceOf = (world: string) => string | undefined;

function found(checkResult: CheckResult, traceOf: TraceOf, all: boolean): string[] {
  return (all ? checkResult.findings : checkResult.findings.slice(0, 1)).flatMap((finding) => {
    const trace = traceOf(finding.world);
    return [
      ...(finding.world ? [`in        ${finding.world}`] : []), `expected  ${finding.expected}`, `seen      ${finding.seen}`,
      ...(finding.record !== undefined && trace ? [`look at   tessera trace view ${trace} --filter 'seq:${finding.record}..'`] : []),
    ];
  }).concat(`perhaps   ${checkResult.mistake}`);
}

/** For the terminal. `all`: every finding of a check, not only the first. */
export function asText(verdict: Verdict, traceOf: TraceOf, all = false): string {
  const lines = [`${verdict.lab}: ${verdict.title}`, ''];
  for (const note of verdict.notes) lines.push(`  ! ${note}`);
  if (verdict.notes.length > 0) lines.push('');
  for (const check of verdict.checks) {
    lines.push(`  ${check.passed ? '✔' : '✘'} ${String(check.got).padStart(3)}/${String(check.points).padEnd(3)} ${check.title}`);
    if (!check.passed) lines.push(...found(check, traceOf, all).map((l) => `            ${l}`));
  }
  if (verdict.output.length > 0) lines.push('', 'Said on the way:', ...verdict.output.map((l) => `  ${l}`));
  return [...lines, '', `${verdict.points} of ${verdict.of} points`, ''].join('\n');
}

function asMarkdown(verdict: Verdict): string {
  const rows = verdict.checks.map((c) => `| ${c.title} | ${c.got} | ${c.points} |`), wrong = verdict.checks.filter((c) => !c.passed);
  const details = wrong.flatMap((check) => [
    `### ${check.title}`, '', ...check.findings.flatMap((f) => [`- *${f.world || 'everywhere'}*: expected ${f.expected}; seen ${f.seen}`]),
      '',
    `Perhaps: ${check.mistake}.`, ''
  ]);
  const said = verdict.output.length > 0 ? ['### Said on the way', '', ...verdict.output.map((l) => `- ${l}`), ''] : [];
  return [
    `# ${verdict.title}: ${verdict.points} of ${verdict.of} points`, '', ...verdict.notes.map((n) => `> ${n}`), '',
      '| check | points | of |', '|---|--:|--:|',
    ...rows, '', ...details, ...said
  ].join(
    '\n');
}

/** Gradescope's results.json (https://gradescope-autograders.readthedocs.io/en/latest/specs/). */
export function asGradescope(verdict: Verdict): object {
  return {
    score: verdict.points, output: [...verdict.notes, ...verdict.output].join('\n'), visibility: 'visible', stdout_visibility: 'hidden',
    tests: verdict.checks.map((checkResult) => ({
      name: checkResult.title, score: checkResult.got, max_score: checkResult.points, status: checkResult.passed ? 'passed' : 'failed',
      output: checkResult.passed ? '' : found(checkResult, () => undefined, true).join('\n')
    })),
  };
}

const cell = (t: string | number): string => (/[",\n]/.test(String(t)) ? `"${String(t).replaceAll('"', '""')}"` : String(t));
export const csvHead = (lab: Lab): string => ['student', 'lab', 'points', 'of', ...lab.checks.map((c) => c.id), 'note'].map(cell).join(',');
/** Escapes cells that begin with = + - @, which a spreadsheet would treat as formulas. */
const plain = (t: string): string => (/^[=+\-@\t]/.test(t) ? `'${t}` : t);
export const csvLine = (student: string, v: Verdict): string =>
  [plain(student), v.lab, v.points, v.of, ...v.checks.map((c) => c.got), plain(v.notes.join('; '))].map(cell).join(',');

export function inFormat(format: Format, lab: Lab, student: string, verdict: Verdict, traceOf: TraceOf): string {
  switch (format) {
    case 'json': return `${JSON.stringify(verdict, null, 2)}\n`;
    case 'gradescope': return `${JSON.stringify(asGradescope(verdict), null, 2)}\n`;
    case 'csv': return `${csvHead(lab)}\n${csvLine(student, verdict)}\n`;
    case 'markdown': return asMarkdown(verdict);
    default: return asText(verdict, traceOf, true);
  }
}
