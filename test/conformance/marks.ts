/**
 * The `@spec` marks of the sources. A mark names a document and places in it:
 *
 *   @spec priv 3.1.9, 21.2.3; sbi 9.1 (a note)
 *
 * `priv` and `unpriv` count as the RISC-V manuals of `clauses.json` do. A mark in a test names the clause under test; elsewhere, the
 * implemented clause.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clauses } from './clauses.ts';

export interface Mark { readonly file: string; readonly line: number; readonly document: string; readonly place: string }
export interface Malformed { readonly file: string; readonly line: number; readonly mark: string; readonly why: string }

/** Documents whose places are numbers, and what they are. */
export const DOCUMENTS: Readonly<Record<string, string>> = {
  priv: 'The RISC-V Instruction Set Manual, Volume II: Privileged Architecture, release 20250508',
  unpriv: 'The RISC-V Instruction Set Manual, Volume I: Unprivileged Architecture, release 20250508',
  sbi: 'RISC-V Supervisor Binary Interface Specification, 2.0',
  virtio: 'Virtual I/O Device (VIRTIO), 1.2',
  plic: 'RISC-V Platform-Level Interrupt Controller Specification, 1.0.0',
  devicetree: 'Devicetree Specification, v0.4',
  elf: 'Executable and Linkable Format (TIS 1.2)',
  'riscv-elf-psabi': 'RISC-V ELF psABI',
};
/** Documents whose places are names of files or chapters, and RFCs, whose numbers are names. */
const BY_NAME = /^(devicetree bindings|linux|gdb|asm|RFC) \S/;

const PLACE = String.raw`(?:\d+(?:[.-]\d+)*|table \d+)(?: \([^)]*\))?`;
const ITEM = new RegExp(`^(${Object.keys(DOCUMENTS).join('|')}) (${PLACE}(?:, ${PLACE})*)(?::.*)?$`);

const FOLDERS = ['hardware', 'network', 'machine', 'microkernel', 'roottask', 'vmm', 'l4guest', 'trace', 'system', 'cli', 'guests', 'test'];
const SOURCE = /\.(ts|tsx|c|h|S)$/;
/** The sources that contain this grammar. */
const OWN = /conformance\/(marks|marks\.spec|conformance-page)\.ts$/;

export const isTest = (file: string): boolean => /\.spec\.ts$|^test\/|^guests\/hypervisor\//.test(file);

/** All marks under `root`, and the malformed ones. */
export function collect(root: string): { marks: Mark[]; malformed: Malformed[] } {
  const marks: Mark[] = [], malformed: Malformed[] = [];
  for (const folder of FOLDERS) for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).sort()) {
    const file = `${folder}/${name.replaceAll('\\', '/')}`;
    if (!SOURCE.test(file) || OWN.test(file) || file.includes('node_modules')) continue;
    readFileSync(join(root, file), 'utf8').split('\n').forEach((text, i) => {
      for (const mark of text.split('@spec ').slice(1)) read(mark, { file, line: i + 1 }, marks, malformed);
    });
  }
  return { marks, malformed };
}

function read(text: string, at: { file: string; line: number }, marks: Mark[], malformed: Malformed[]): void {
  const mark = text.replace(/\*\/.*/, '').trim().replace(/\.$/, '');
  for (const item of mark.split('; ')) {
    if (BY_NAME.test(item)) continue;
    const [, document, places] = ITEM.exec(item) ?? [];
    if (document === undefined) {
      malformed.push({ ...at, mark, why: `"${item}" is no document with places` });
      continue;
    }
    for (const [place] of places!.replaceAll(/\([^)]*\)/g, '').matchAll(/(?:table )?\d+(?:[.-]\d+)*(?= |,|$)/g)) {
      if ((document === 'priv' || document === 'unpriv') && !(place in clauses()[document]))
        malformed.push({ ...at, mark, why: `${document} has no section ${place}` });
      else marks.push({ ...at, document, place });
    }
  }
}
