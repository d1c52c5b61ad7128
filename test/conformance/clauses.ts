/**
 * Numbers and titles of the RISC-V manuals' sections, `clauses.json`: `@spec` marks are checked against them.
 *
 *   npx tsx test/conformance/clauses.ts CHECKOUT    writes it again from a checkout of riscv-isa-manual
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { answerHelp } from '../tool.ts';

/** The ratified release whose numbering the marks use. */
const EDITION = '20250508';
const FILE = fileURLToPath(new URL('clauses.json', import.meta.url));

/** Titles by number: "21.2.1" -> "Hypervisor Status (hstatus) Register". */
export type Titles = Readonly<Record<string, string>>;
export interface Clauses { readonly edition: string; readonly priv: Titles; readonly unpriv: Titles }

export const clauses = (): Clauses => JSON.parse(readFileSync(FILE, 'utf8')) as Clauses;

const BLOCK = /^(-{4,}|\.{4,}|\/{4,})$/;
const UNNUMBERED = /preface|colophon|discrete|bibliography|index|appendix|abstract/;
const UNNUMBERED_CHAPTER = /^(Preface|Bibliography|Index|Colophon)/;

/** A manual as lines, includes resolved. */
function* lines(checkout: string, path: string): Generator<string> {
  const text = execFileSync('git', ['-C', checkout, 'show', `${EDITION}:src/${path}`], { encoding: 'utf8', maxBuffer: 1 << 26 });
  for (const line of text.split('\n')) {
    const included = /^include::([\w/-]+\.adoc)\[\]/.exec(line)?.[1];
    if (included === undefined) yield line;
    else yield* lines(checkout, included);
  }
}

/** Headings with their numbers, as Asciidoctor counts them. */
function* headings(text: Iterable<string>): Generator<{ number: string; title: string }> {
  const counts = [0, 0, 0, 0, 0];
  let block = '', before = '', skipping = false;
  for (const line of text) {
    if (block !== '') block = line.trimEnd() === block ? '' : block;
    else if (BLOCK.test(line.trimEnd())) block = line.trimEnd();
    else {
      const [, marks, title] = /^(={2,6}) (.*)/.exec(line) ?? [];
      if (marks !== undefined) {
        const level = marks.length - 2;
        const numbered = !UNNUMBERED.test(before) && !(level === 0 && UNNUMBERED_CHAPTER.test(title!));
        if (level === 0) skipping = !numbered;
        if (numbered && !skipping) {
          counts[level]!++;
          counts.fill(0, level + 1);
          yield { number: counts.slice(0, level + 1).join('.'), title: plain(title!) };
        }
      }
    }
    if (line.trim() !== '') before = line;
  }
}

const plain = (title: string): string =>
  title.replaceAll(/\b(?:ext|csr|insn):+([\w.]*)\[([^\]]*)\]/g, '$1$2').replaceAll(/[`_*"]/g, '').replaceAll(/, Version|Standard /g, '')
    .replaceAll(/\s+/g, ' ').trim();

function make(checkout: string): void {
  const depth = (number: string): number => number.split('.').length;
  const of = (file: string, keep: (number: string) => boolean): Titles =>
    Object.fromEntries([...headings(lines(checkout, file))].filter((h) => keep(h.number)).map((h) => [h.number, h.title]));
  const result: Clauses = {
    edition: EDITION, priv: of('riscv-privileged.adoc', (n) => depth(n) <= 4),
    unpriv: of('riscv-unprivileged.adoc', (n) => depth(n) <= (/^(30|3[2-9])(\.|$)/.test(n) ? 1 : /^(19)\./.test(n) ? 4 : 3)),
  };
  writeFileSync(FILE, `${JSON.stringify(result, null, 1)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  answerHelp(import.meta.filename);
  const checkout = process.argv[2];
  if (checkout === undefined) {
    console.error('usage: npx tsx test/conformance/clauses.ts CHECKOUT-OF-RISCV-ISA-MANUAL');
    process.exitCode = 2;
  } else make(checkout);
}
