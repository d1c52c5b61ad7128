/**
 * `npx tsx bench/price.ts`: the price of the microkernel. The same Unix server with the same programs runs above the microkernel (arch/l4)
 * and directly on the machine (arch/native): model cycles for each operation, and their ratio.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from '../index.ts';
import { runNative } from '../l4guest/arch/native/boot.ts';
import { FileTree } from '../system/files/archive.ts';
import { answerHelp } from '../test/tool.ts';

answerHelp(import.meta.filename);

const folder = join(import.meta.dirname, '../guests/bin/linux'),
  files = Object.fromEntries(readdirSync(folder).map((name) => [`bin/${name}`, readFileSync(join(folder, name))]));

/** Programs that print the time of an operation ("… 748 ns each"), with the number of repetitions. */
const ROWS: readonly (readonly [what: string, program: string, count: string])[] = [
  ['getppid', 'getppid', '2000'], ['fork and wait', 'forkwait', '100'], ['fork, exec and wait', 'forkexec', '100'],
  ['pipe, there and back', 'pipebench', '1000'], ['page fault', 'pagefault', '2000'],
];

function archive(): Uint8Array {
  const tree = new FileTree(files), bytes = new Uint8Array(tree.length);
  tree.copyTo(bytes);
  return bytes;
}

/** Nanoseconds of virtual time for one operation, from the program's output. */
function each(said: string): number {
  const found = /([\d.]+) (ns|us) each/.exec(said);
  if (!found) throw new Error(`this does not say how long it took: ${said}`);
  return Number(found[1]) * (found[2] === 'us' ? 1000 : 1);
}

async function hosted(program: string, count: string): Promise<number> {
  const { stdout } = await runProgram({
    program: `/bin/${program}`, args: [count], files: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`/${name}`, bytes]))
  });
  return each(stdout);
}
function native(program: string, count: string): number {
  let said = '';
  runNative({
    root: archive(), argv: [`/bin/${program}`, count], output: (b) => { said += new TextDecoder().decode(b); }, error: () => {}
  });
  return each(said);
}

console.log('operation                 on the machine   above the microkernel   ratio');
for (const [what, program, count] of ROWS) {
  const [alone, above] = [native(program, count), await hosted(program, count)];
  console.log(
    `${what.padEnd(24)} ${String(alone).padStart(13)}   ${String(above).padStart(21)}   ${(above / alone).toFixed(2).padStart(5)}`);
}
console.log('nanoseconds of virtual time (cycles)');
