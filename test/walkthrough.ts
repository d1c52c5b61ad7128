/**
 * The walk of docs/walkthrough.md, driven as a user would in a terminal: Debian boots in a virtual machine and reads its disk; the viewer
 * opens the recording, finds the slowest request and follows it from the guest's register write to the interrupt. `test/pictures.ts`
 * makes the page's pictures of it; `test/walkthrough.spec.ts` checks that it goes as the page says.
 */
import { closeSync, ftruncateSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { imagesFolder } from '../cli/images/where.ts';
import { root } from './tessera.ts';
import { command, type Run } from './tessera.ts';
import { Tmux } from './tmux.ts';

export const COLUMNS = 120, ROWS = 36;
const DISK = 4 << 20;

/** A step: what is typed, and what the screen then says. */
interface Step { name: string; keys: string[]; wanted: RegExp }
export const steps: readonly Step[] = [
  { name: '1-open', keys: [], wanted: /records\n/ },
  { name: '2-filter', keys: ['f', '=device:disk0', 'Enter'], wanted: /filter: device:disk0\n[^]*\n>/ },
  { name: '3-slowest', keys: ['L'], wanted: /number 1 by latency/ },
  { name: '4-around', keys: ['f', 'C-u', 'Enter'], wanted: /[\d,]+ records\n[^]*\n>.*store disk0\.queueNotify/ },
  { name: '5-driver', keys: ['Space', '/', '=block.submit', 'Enter', '.', '.'], wanted: /^>.*reply block\.submit/m },
  { name: '6-interrupt', keys: ['/', 'C-u', '=kind:interrupt', 'Enter'], wanted: /^>.*interrupt line 1$/m },
  { name: '7-diagram', keys: ['/', 'C-u', '=interruptAck', 'Enter', '.', 'd'], wanted: /13 messages/ },
  { name: '8-path', keys: ['d', 'c', 'End'], wanted: /steps, / },
  { name: '9-timeline', keys: ['c', 't', '+', '+', '+', '+', '+', '+', '+', '+', '+', '+', '+', '+', '+', '+', '+'], wanted: /a column/ },
  { name: '10-statistics', keys: ['t', 's', 'Tab', 'Tab', 'Tab', 'Tab', 'Tab'], wanted: /disk0\.queueNotify/ },
];

/** Boots Debian with a disk, its keys out of a recording, so that the trace is the same each time. */
export function record(folder: string): Promise<Run> {
  const disk = join(folder, 'disk.img'), fd = openSync(disk, 'w'), images = imagesFolder();
  ftruncateSync(fd, DISK);
  closeSync(fd);
  return command(process.execPath,
    [join(root, 'bin/tessera'), 'vm', '--kernel', join(images, 'vmlinuz'), '--initrd', join(images, 'initramfs.cpio'), '--append',
      'console=ttyS0 loglevel=4', '--memory', '256M',
    '--disk', disk, '--replay', join(root, 'docs/walkthrough.rec'), '--trace', join(folder, 'disk.trace'), '--trace-payload', 'vm*,disk0']);
}

/** Walks; `see` is given each screen with its colours. Answers the SVG that the viewer wrote. */
export async function walk(folder: string, see: (step: string, screen: string) => void): Promise<{ name: string; svg: string }> {
  const tmux = new Tmux([process.execPath, join(root, 'bin/tessera'), 'trace', 'view', join(folder, 'disk.trace')], COLUMNS, ROWS,
    { NO_COLOR: undefined }, folder);
  try {
    await tmux.until(/records/);
    for (const { name, keys, wanted } of steps) {
      for (const key of keys) {
        if (key.startsWith('=')) tmux.type(key.slice(1)); else tmux.keys(key);
        if (key === 'Enter') await tmux.until(/\S/); else if (key === 's') await tmux.until(/ all +summary/);
      }
      see(name, await tmux.until(wanted, true));
    }
    tmux.keys('Escape', 'e');
    const name = /wrote (trace-\d+-\d+\.svg)/.exec(await tmux.until(/wrote trace/))![1]!;
    tmux.keys('q');
    return { name, svg: readFileSync(join(folder, name), 'utf8') };
  } finally {
    tmux.close();
  }
}
