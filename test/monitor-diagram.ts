/**
 * The monitor's three parts, drawn from the names in its code: rows of the dispatcher (vmm/dispatcher.ts), the module that each cause is
 * counted for (trace/degradation.ts), and the files of each room.
 *
 *   npx tsx test/monitor-diagram.ts        writes it into docs/techniques.md
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { causeName } from '../microkernel/abi/index.ts';
import { HANDLED, MODULES, type Module } from '../trace/degradation.ts';
import { exits } from '../vmm/dispatcher.ts';
import { root } from './tessera.ts';
import { answerHelp } from './tool.ts';

const PAGE = join(root, 'docs/techniques.md'), BEGIN = '<!-- monitor: npx tsx test/monitor-diagram.ts -->', END = '<!-- end of monitor -->';
/** Where each part lives. */
const ROOMS: Readonly<Record<Module, readonly string[]>> = { dispatcher: ['vmm/exits'], allocator: ['vmm/memory'],
  interpreter: ['vmm/interpreter', 'vmm/sbi', 'vmm/devices'] };

const filesOf = (folder: string): string[] =>
  readdirSync(join(root, folder)).filter((f) => f.endsWith('.ts') && !f.endsWith('.spec.ts')).map((f) => f.slice(0, -3)).sort();

export function diagram(): string {
  const lines = ['```mermaid', 'graph LR', '  guest(["guest leaves"]) --> D["dispatcher.ts"]'];
  for (const module of MODULES) {
    const rooms = ROOMS[module].map((room) => `    ${room.replace('/', '_')}["${room}: ${filesOf(room).join(', ')}"]`);
    lines.push(`  subgraph ${module}`, ...rooms, '  end');
    const rows = exits.filter(({ cause }) => HANDLED[cause] === module).map(({ cause, handle }) => `${causeName(cause)}: ${handle.name}`);
    if (rows.length > 0) lines.push(`  D -- "${rows.join('<br>')}" --> ${module}`);
  }
  return [...lines, '```'].join('\n');
}
/** The page with a picture of the present code. */
export function withDiagram(page: string): string {
  const from = page.indexOf(BEGIN), to = page.indexOf(END);
  if (from < 0 || to < from) throw new Error('docs/techniques.md has no place for the picture of the monitor');
  return `${page.slice(0, from + BEGIN.length)}\n${diagram()}\n${page.slice(to)}`;
}
export const readPage = (): string => readFileSync(PAGE, 'utf8');

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) answerHelp(import.meta.filename);
if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writeFileSync(PAGE, withDiagram(readPage()));
