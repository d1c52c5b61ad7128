/** The commands `tessera lab list`, `start`, `check`, `hint` and `report`. */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join, relative } from 'node:path';
import { findLab, labNames } from '../../labs/catalogue.ts';
import type { Lab } from '../../labs/grading/lab.ts';
import type { Verdict } from '../../labs/grading/verdict.ts';
import { constants } from '../../labs/start/constants.ts';
import { CliError, Exit, outputError } from '../errors.ts';
import { projectRoot } from '../images/where.ts';
import { filesOfLab, labFolder, labOf, labWord, pageOf, readFolder, type Folder } from './folder.ts';
import { Progress } from '../progress.ts';
import { grade, variantOf, type Graded } from './grade.ts';
import { GLOBALS, compilerOptions, typeErrors } from './types.ts';
import { asText, inFormat, type Format } from './words.ts';

/** A lab without its grader. */
const outline = ({ number, name, title, hours, language, files, checks }: Lab): object =>
  ({ number, name, title, hours, language, files, checks: checks.map(({ id, points, title: t }) => ({ id, points, title: t })) });

export async function list({ json }: { json?: boolean }): Promise<number> {
  const labs = await Promise.all(labNames().map((n) => findLab(n) as Promise<Lab>));
  if (json) process.stdout.write(`${JSON.stringify(labs.map(outline), null, 2)}\n`);
  else
    for (const lab of labs)
      process.stdout.write(
        `${String(lab.number).padStart(2)}  ${lab.name.slice(3).padEnd(22)} ${lab.title.padEnd(46)} `
        + `${lab.hours.join('–')} h  ${lab.language}\n`);
  return Exit.ok;
}

function login(): string {
  try { return userInfo().username; } catch { return 'student'; }
}

export async function start(name: string, folder: string | undefined, options: { student?: string }): Promise<number> {
  const lab = await labOf(name), path = folder ?? lab.name, student = options.student ?? login();
  if (existsSync(path) && readdirSync(path).length > 0)
    throw new CliError('E_FILE', `folder '${path}' is not empty`, 'name one that is not there yet');
  const files = starterFiles(lab, student, relative(path, join(projectRoot(), 'labs/api.ts')), relative(path, projectRoot()));
  try {
    writeFiles(path, files);
  } catch (error) {
    throw outputError('folder', path, error);
  }
  process.stdout.write(`${path}: lab ${lab.number}, ${lab.title}\n  read   ${join(path, 'README.md')}\n`
    + `  write  ${lab.files.map((f) => join(path, f)).join(', ')}\n  then   tessera lab check ${path}\n`);
  return Exit.ok;
}

/** Links out of the lab's own folder, from another folder; without documents they are words. */
function linkedFrom(root: string | undefined, page: string): string {
  const up = /\[([^\]]+)\]\(\.\.\/(?:\.\.\/)?([^)]+)\)/g, place = (whole: string, to: string): string =>
    (whole.includes('](../../') ? to : `labs/${to}`);
  return page.replace(up, (whole: string, text: string, to: string) =>
    (root === undefined ? `${text} (${place(whole, to)})` : `[${text}](${root}/${place(whole, to)})`));
}

/**
 * The page in a student's variant, the starter, and the files for editors and `check`: name → text. `api`: the replacement for 'tessera',
 * relative to the folder; `root`: where the page's links to documents lead, undefined where there are none.
 */
export function starterFiles(lab: Lab, student: string, api: string, root?: string): Map<string, string> {
  const variant = variantOf(lab, student), page = linkedFrom(root, pageOf(lab, variant));
  const files = new Map([['README.md', page], ...filesOfLab(lab, 'starter', variant)]);
  files.set('lab.json', `${JSON.stringify({ lab: labWord(lab), student }, null, 2)}\n`).set('.gitignore', '.lab/\n.hints\n');
  if (lab.language === 'typescript')
    files.set('globals.d.ts', GLOBALS).set('tsconfig.json',
      `${JSON.stringify({ compilerOptions: compilerOptions(api), include: ['*.ts'] }, null, 2)}\n`);
  const picture = join(labFolder(lab), 'success.svg');
  if (existsSync(picture)) files.set('success.svg', readFileSync(picture, 'utf8'));
  if (lab.language === 'c') // for editors; the grader has its own
    files.set('tessera-abi.h', readFileSync(join(projectRoot(), 'guests/include/tessera-abi.h'), 'utf8'));
  if (lab.language === 'riscv')
    files.set('constants.txt', `# Names that your program may use; the assembler knows them.\n${constants()}\n`);
  return files;
}

export function writeFiles(path: string, files: ReadonlyMap<string, string>): void {
  mkdirSync(path, { recursive: true });
  for (const [name, text] of files) writeFileSync(join(path, name), text);
}

export interface CheckOptions { all?: boolean; json?: boolean; types?: boolean; lab?: string; student?: string; secret?: string }

async function graded(folder: string,
    options: CheckOptions): Promise<Graded & { here: Folder }> {
  const here = await readFolder(folder, options.lab === undefined ? undefined : await labOf(options.lab), options.student);
  const progress = new Progress(`grading ${here.lab.name}`);
  try {
    const how = { seed: here.student, secret: options.secret, progress: (share: number): void => progress.at(share) };
    return { here, ...await grade(here.lab, here.files, how) };
  } finally {
    progress.end();
  }
}

export async function check(folder: string, options: CheckOptions): Promise<number> {
  const { here, verdict, traces, images } = await graded(folder, options);
  if (options.json) process.stdout.write(`${JSON.stringify(verdict)}\n`);
  else process.stdout.write(asText(withTypes(verdict, here, options), keep(here.path, traces, images), options.all));
  return verdict.points === verdict.of ? Exit.ok : Exit.failure;
}

function withTypes(verdict: Verdict, here: Folder, options: CheckOptions): Verdict {
  if (options.types === false || here.lab.language !== 'typescript') return verdict;
  const errors = typeErrors([...here.files.keys()].filter((f) => f.endsWith('.ts')).map((f) => join(here.path, f)));
  return {
    ...verdict, notes: [...verdict.notes, ...errors ?? ['types were not looked at: there is no TypeScript compiler here (npm install)']]
  };
}

/** Leaves traces of the failed worlds in .lab/, and what ran on a bare machine. */
function keep(path: string, traces: Graded['traces'], images: Graded['images'] = new Map()): (world: string) => string | undefined {
  const folder = join(path, '.lab'), name = (world: string): string => join(folder, `${world.replace(/\W+/g, '-')}.trace`);
  try {
    rmSync(folder, { recursive: true, force: true });
    if (traces.size + images.size > 0) mkdirSync(folder);
    for (const [file, bytes] of images) writeFileSync(join(folder, file), bytes);
    for (const [world, bytes] of traces) writeFileSync(name(world), bytes);
  } catch {
    return () => undefined;
  }
  return (world) => (traces.has(world) ? name(world) : undefined);
}

export async function report(folder: string, options: CheckOptions & { format: Format; output?: string }): Promise<number> {
  const { here, verdict } = await graded(folder, options),
    text = inFormat(options.format, here.lab, here.student, verdict, () => undefined);
  if (options.output === undefined || options.output === '-') process.stdout.write(text);
  else try { writeFileSync(options.output, text); } catch (error) { throw outputError('report', options.output, error); }
  return Exit.ok;
}

/** Hints of a page: its collapsed parts. */
export function hintsOf(page: string): { title: string; text: string }[] {
  return [
    ...page.matchAll(/<details>\s*<summary>(.*?)<\/summary>([^]*?)<\/details>/g)
  ].map(([, title, text]) => ({ title: title!.trim(), text: text!.trim() }));
}

export async function hint(folder: string, number: string | undefined): Promise<number> {
  const { lab, path, student } = await readFolder(folder), hints = hintsOf(pageOf(lab, variantOf(lab, student))),
    memory = join(path, '.hints');
  const shown = existsSync(memory) ? Number.parseInt(readFileSync(memory, 'utf8'), 10) || 0 : 0,
    wanted = number === undefined ? Math.min(shown + 1, hints.length) : Number(number);
  const found = hints[wanted - 1];
  if (!found) throw new CliError('E_LAB', `there is no hint ${number ?? wanted}`, `lab ${lab.name} has ${hints.length}`);
  if (number === undefined) try { writeFileSync(memory, `${wanted}\n`); } catch { /* the next time shows the same hint */ }
  process.stdout.write(`Hint ${wanted} of ${hints.length}: ${found.title}\n\n${found.text}\n`);
  return Exit.ok;
}
