/** `npx tsx test/pictures.ts`: makes the pictures of docs/walkthrough.md again, in docs/pictures. Needs tmux and Debian's images. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './tessera.ts';
import { terminalSvg } from './terminal-svg.ts';
import { COLUMNS, ROWS, record, walk } from './walkthrough.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-pictures-')), pictures = join(root, 'docs/pictures');
try {
  const run = await record(folder);
  if (run.status !== 0) throw new Error(`the recording ended with status ${run.status}: ${run.stderr}`);
  const { name, svg } = await walk(folder, (step, screen) => {
    writeFileSync(join(pictures, `walkthrough-${step}.svg`), terminalSvg(screen, COLUMNS, ROWS));
  });
  writeFileSync(join(pictures, 'walkthrough-request.svg'), svg);
  console.log(`walkthrough: ${name}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
