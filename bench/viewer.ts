/**
 * `npx tsx bench/viewer.ts [--records N] [--columns 200 --rows 60] [--keep FILE]`: makes a trace file of ten million records, opens it with
 * `tessera trace view` in a pseudo terminal and measures the time from each key to its effect on the screen, while the viewer indexes in
 * the background and afterwards, and the memory. The pseudo terminal is util-linux's `script`.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeSync, closeSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TraceRecorder } from '../trace/index.ts';
import { bytesOf, story } from '../trace/testing/traces.ts';
import { readOptions } from '../test/tool.ts';

const { values: options } = readOptions(import.meta.filename, {
  options: {
    records: { type: 'string', default: '10000000' }, columns: { type: 'string', default: '200' }, rows: { type: 'string', default: '60' },
    keep: { type: 'string' }
  }
});
const records = Number(options.records), folder = mkdtempSync(join(tmpdir(), 'tessera-viewer-')),
  file = options.keep ?? join(folder, 'big.trace');
/** A pause longer than this is one that a person notices. */
const PAUSE_MS = 100;

/** Rounds of `story`, each with other tasks and times but correct causes. */
function make(path: string): void {
  const fd = openSync(path, 'w'), recorder = new TraceRecorder({ write: (bytes) => { writeSync(fd, bytes); }, close: () => closeSync(fd) });
  const TASKS = 40, PER_CHUNK = 586, round = bytesOf(story(1)), size = round.length, each = size / 40;
  recorder.name('task', 2, 0, 'l4guest');
  recorder.name('task', 3, 0, 'roottask');
  recorder.name('thread', 22, 2, 'server');
  recorder.name('thread', 33, 3, 'memory');
  recorder.name('portal', 30, 22, 'syscall');
  recorder.name('portal', 40, 33, 'requests');
  for (let task = 0; task < TASKS; task++) {
    recorder.name('task', 100 + task, 0, `process ${task}`);
    recorder.name('thread', 200 + task, 100 + task, `process ${task}`);
  }
  let seed = 1, time = 0;
  for (let done = 0; done < records; ) {
    const rounds = Math.min(PER_CHUNK, Math.ceil((records - done) / each)), chunk = new Uint8Array(rounds * size),
      view = new DataView(chunk.buffer);
    for (let n = 0; n < rounds; n++) {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      chunk.set(round, n * size);
      const slow = 1 + (seed % 1000) / 500, process = 200 + ((seed >>> 12) % TASKS);
      for (let i = 0; i < each; i++) {
        const at = n * size + i * 40, cause = view.getUint32(at + 20, true);
        view.setFloat64(at, time + view.getFloat64(at, true) * slow, true);
        if (cause) view.setUint32(at + 20, cause + done + n * each, true);
        for (const end of [at + 12, at + 16]) if (view.getUint32(end, true) === 12) view.setUint32(end, process, true);
      }
      time += 2000 * slow;
    }
    const last = Math.min(chunk.length, (records - done) * 40);
    recorder.drain(chunk.subarray(0, last), done + 1);
    done += last / 40;
  }
  recorder.close();
}

/** The program on its terminal: its latest output, and the time of it. */
class Terminal {
  readonly child: ChildProcess;
  /** Output since the last key, without the terminal's escape sequences. */
  text = '';
  constructor(command: string) {
    this.child = spawn('script', ['-qfc', `stty cols ${options.columns} rows ${options.rows}; exec ${command}`, '/dev/null'],
      { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, TERM: 'xterm-256color', NO_COLOR: '1' } });
    this.child.stdout!.on('data', (bytes: Buffer) => {
      this.text += bytes.toString().replace(/\x1b\[\d+;1H/g, '\n').replace(/\x1b\[[0-9;?<]*[A-Za-z]/g, '');
    });
  }
  /** Milliseconds until `wanted` has appeared; `keys` are typed first. */
  async until(keys: string, wanted: RegExp, patience = 60_000): Promise<number> {
    this.text = '';
    const begun = performance.now();
    this.child.stdin!.write(keys);
    while (!wanted.test(this.text)) {
      if (performance.now() - begun > patience)
        throw new Error(`'${keys}': no ${wanted} after ${patience} ms; the screen says:\n${this.text.slice(-3000)}`);
      await new Promise((done) => setTimeout(done, 1));
    }
    return performance.now() - begun;
  }
}

/** Peak resident memory in MiB of the viewer that has this file open or named. */
function memory(): number {
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
      if (command.startsWith(process.execPath) && command.includes('\0view\0') && command.includes(file))
        return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) / 1024;
    } catch { /* it has ended meanwhile */ }
  }
  return NaN;
}

const count = records.toLocaleString('en-US'), UP = '\x1b[A', DOWN = '\x1b[B', PAGE = '\x1b[6~', END = '\x1b[F', HOME = '\x1b[H',
  CLEAR = 'f\x15\r';
/** Name, keys, and the text on the screen once they have taken effect. */
const steps: [string, string, RegExp][] = [
  ['end', END, new RegExp(`> *${records} `)], ['up', UP, new RegExp(`> *${records - 1} `)], ['home', HOME, />\s+1 /],
  ['down', DOWN, />\s+2 /], ['page down', PAGE, />\s+\d{2,} /],
  ['go to the middle', `:${records >>> 1}\r`, new RegExp(`> *${records >>> 1} `)], ['along the chain', 'p', />\s+\d+ |nothing is known/],
  ['timeline', 't', /a column/], ['zoom in', '+', /a column/], ['zoom in', '+', /a column/], ['zoom in', '+', /a column/],
  ['whole timeline', '0', /a column/], ['right', '\x1b[C', /record \d+:/], ['by thread', 'T', /a column/], ['list', 't', /record\s+time/],
  ['diagram', 'd', /lifelines|messages/], ['list', 'd', /record\s+time/],
  ['first of filter kind:event', 'fkind:event\r', /filter: kind:event/], ['end of it', END, />/],
  ['no filter', CLEAR, new RegExp(`${count} records`)],
  ['search a word near', '/badRights\r', /badRights/], ['statistics', 's', /summary|counting/], ['list', 's', /record\s+time/],
];

async function main(): Promise<void> {
  if (!existsSync(file)) make(file);
  const cli = fileURLToPath(new URL('../bin/tessera', import.meta.url)),
    terminal = new Terminal(`'${process.execPath}' '${cli}' trace view '${file}'`);
  let longest = 0;
  const row = (name: string, ms: number): void => { console.log(`  ${name.padEnd(40)} ${ms.toFixed(0).padStart(6)} ms`); };
  try {
    row('opening, to the first screen', await terminal.until('', /record\s+time/));
    for (const when of ['while indexing', 'indexed']) {
      console.log(when);
      for (const [name, keys, wanted] of steps) {
        const ms = await terminal.until(keys, wanted);
        longest = Math.max(longest, ms);
        row(name, ms);
      }
      if (when === 'while indexing') {
        row('until all is indexed', await terminal.until('', new RegExp(`${count} records *(?:[\\r\\n]|$)`)));
        row('a whole filter, task and kind',
          await terminal.until('ftask:"process 7" kind:event\r', /filter: task:"process 7" kind:event *(?:\n|$)/));
        row('a whole filter on latency', await terminal.until('f\x15latency>1.4us kind:event\r', /latency>1.4us kind:event *(?:\n|$)/));
        row('the slowest', await terminal.until('L', /number 1 by latency/));
        row('all again', await terminal.until(CLEAR, new RegExp(`${count} records`)));
        row('statistics, counted', await terminal.until('s', new RegExp(`${count} records *(?:\\n|$)`)));
        row('list', await terminal.until('s', /record\s+time/));
      }
    }
    console.log(`peak memory ${memory().toFixed(0)} MiB, longest wait for a key ${longest.toFixed(0)} ms (`
      + `${longest <= PAUSE_MS ? 'no' : 'a'} pause above ${PAUSE_MS} ms); load of this computer ${loadavg()[0]!.toFixed(1)}`);
  } finally {
    terminal.child.stdin!.write('q');
    terminal.child.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
