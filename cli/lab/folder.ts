/**
 * A submission's folder: lab.json names the lab and the student; the other files are the submission. Nothing outside the folder is read.
 */
import { existsSync, lstatSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { findLab, labNames } from '../../labs/catalogue.ts';
import type { Lab, Variant } from '../../labs/grading/lab.ts';
import { CliError, Exit, fileError, isFileError } from '../errors.ts';
import { projectRoot } from '../images/where.ts';
import { didYouMean } from '../near.ts';

const LARGEST = 256 << 10, MOST_FILES = 32;
export interface Folder { readonly path: string; readonly lab: Lab; readonly student: string; readonly files: ReadonlyMap<string, string> }

/** Folders of external labs. */
const folders = new WeakMap<Lab, string>();

/** A lab of Tessera by number or name, or any other by its folder (with grader.ts). */
export async function labOf(word: string): Promise<Lab> {
  const lab = await findLab(word) ?? (existsSync(join(word, 'grader.ts')) ? await theirs(word) : undefined);
  if (!lab)
    throw new CliError('E_NO_LAB', `there is no lab '${word}'${didYouMean(word, labNames().flatMap((n) => [n, n.slice(3)]))}`,
      'list them with: tessera lab list');
  if (!folders.has(lab) && !existsSync(labFolder(lab)))
    throw new CliError('E_LAB', 'this package has the command but not the labs',
      'use a clone of the repository, or the image of labs/class/', Exit.failure);
  return lab;
}
async function theirs(folder: string): Promise<Lab> {
  const { default: lab } = (await (await import('../scenario-file.ts')).importTypeScript(join(resolve(folder),
    'grader.ts'))) as { default?: Lab };
  if (!lab?.checks || !lab.worlds)
    throw new CliError('E_LAB', `'${join(folder, 'grader.ts')}' is no lab`,
      'it must say: export default lab, as tessera new lab writes it');
  folders.set(lab, resolve(folder));
  return lab;
}

/** The contents of lab.json. */
export const labWord = (lab: Lab): string => folders.get(lab) ?? lab.name;
export const labFolder = (lab: Lab): string => folders.get(lab) ?? join(projectRoot(), 'labs', lab.name);

/** A text of a lab with the student's values inserted. */
const filled = (text: string, variant: Variant): string =>
  text.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => String(variant[name] ?? whole));

export const pageOf = (lab: Lab, variant: Variant): string => filled(readFileSync(join(labFolder(lab), 'README.md'), 'utf8'), variant);

/** Common code of assembly programs exists once; a file that includes it ends with the line {{lib}}. */
const withLibrary = (text: string): string => text.replace(/^\{\{lib\}\}\n/m, () =>
  readFileSync(join(projectRoot(), 'labs/start/lib.s'), 'utf8'));

/** Files of a lab's starter, or of its solution, for a variant: name → text. */
export function filesOfLab(lab: Lab, which: 'starter' | 'solution', variant: Variant): Map<string, string> {
  const folder = join(labFolder(lab), which);
  return new Map(readdirSync(folder).filter((n) => !n.startsWith('.') && lstatSync(join(folder, n)).isFile()).sort()
    .map((name) => [name, filled(withLibrary(readFileSync(join(folder, name), 'utf8')), variant)]));
}

interface Card { readonly lab?: unknown; readonly student?: unknown }
function cardOf(path: string): Card {
  try {
    const card: unknown = JSON.parse(readFileSync(join(path, 'lab.json'), 'utf8'));
    return typeof card === 'object' && card !== null ? card : {};
  } catch (error) {
    if (isFileError(error) && error.code === 'ENOENT')
      throw new CliError('E_NO_LAB', `folder '${path}' has no lab.json`, 'begin a lab with: tessera lab start 1 DIR');
    throw isFileError(error)
      ? fileError('file', join(path, 'lab.json'), error)
      : new CliError('E_LAB', `'${join(path, 'lab.json')}' is not JSON`,
        'it says which lab this is: {"lab": "01-hello-ipc", "student": "NAME"}');
  }
}

/** `lab`: the required lab, whatever lab.json says. */
export async function readFolder(path: string, lab?: Lab, student?: string): Promise<Folder> {
  if (!existsSync(path)) throw new CliError('E_NO_FILE', `folder '${path}' does not exist`, 'begin a lab with: tessera lab start 1 DIR');
  const card = lab && student !== undefined ? {} : cardOf(path);
  return {
    path, lab: lab ?? await labOf(typeof card.lab === 'string' ? card.lab : ''), files: filesOf(path),
    student: student ?? (typeof card.student === 'string' ? card.student : basename(resolve(path))),
  };
}

/** Links are not followed, because one could lead to another student's files. */
function filesOf(path: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const name of readdirSync(path).sort()) {
    const stat = lstatSync(join(path, name));
    if (!/\.(ts|s|c|sql)$/.test(name) || name.endsWith('.d.ts') || !stat.isFile() || stat.size > LARGEST || files.size === MOST_FILES)
      continue;
    files.set(name, readFileSync(join(path, name), 'utf8'));
  }
  return files;
}
