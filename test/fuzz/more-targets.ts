/** Readers of files, options and messages, with the folders and disks that they use. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseDisk } from '../../cli/disk/disk.ts';
import { DiskLock } from '../../cli/disk/lock.ts';
import { CliError } from '../../cli/errors.ts';
import { parseDeb822, parseOneLine } from '../../cli/images/sources.ts';
import { Reader, Writer, WireError } from '../../cli/lab/remote/wire.ts';
import { parseMount, parseShare } from '../../cli/mounts.ts';
import { readSymbolFile } from '../../cli/profile.ts';
import { archiveOf, TarError } from '../../l4guest/fs/tar-format.ts';
import { decodeWorld, encodeWorld, Failure } from '../../machine/net/gateway/world.ts';
import { isLinuxImage, parseLinuxImage } from '../../machine/loader/linux-image.ts';
import { packFrames, unpackFrames } from '../../roottask/client/net.ts';
import { pageRuns, parseElf } from '../../roottask/root/elf.ts';
import { ScenarioError, readSettings } from '../../scenarios/parameters.ts';
import { FileTree } from '../../system/files/archive.ts';
import { FolderError, Mode, type Path } from '../../system/folders/folder.ts';
import { TarFolder } from '../../system/folders/tar-folder.ts';
import { packTables, unpackTables } from '../../trace/tables.ts';
import { isElf, readElf } from '../../vmm/loaders/elf.ts';
import { isImage, readImage } from '../../vmm/loaders/image.ts';
import type { FuzzTarget } from './target.ts';

const text = (s: string): Uint8Array => new TextEncoder().encode(s);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const program = (path: string): Uint8Array => readFileSync(new URL(`../../${path}`, import.meta.url));

/** Runs; errors of this kind are regular results. */
function answering(kind: abstract new (...args: never[]) => Error, act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof kind)) throw error;
  }
}

function lookAround(folder: TarFolder, path: Path, depth: number): void {
  const names: string[] = [], listing = folder.list(path);
  for (let name = listing.next(); typeof name === 'string' && names.length < 50; name = listing.next()) names.push(name);
  for (const name of names) {
    const at = [...path, name], { mode } = folder.stat(at), type = mode & Mode.type;
    answering(FolderError, () => {
      if (type === Mode.file) folder.open(at).read(new Uint8Array(512), 0);
      else if (type === Mode.link) folder.readlink(at);
      else if (type === Mode.dir && depth > 0) lookAround(folder, at, depth - 1);
    });
  }
}

/** A reader of a file: writes each input to the file first. */
function fromFile(seeds: readonly Uint8Array[], read: (path: string, folder: string) => void, name = 'file'): FuzzTarget {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-fuzz-')), path = join(folder, name);
  return {
    seeds,
    run: (input) => {
      writeFileSync(path, input);
      read(path, folder);
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

const image = (): Uint8Array => {
  const bytes = new Uint8Array(4096), data = new DataView(bytes.buffer);
  data.setBigUint64(8, 0x20_0000n, true);
  data.setBigUint64(16, 8192n, true);
  bytes.set(text('RSC\x05'), 56);
  return bytes;
};
const ip = Uint8Array.of(10, 0, 2, 15);
const parameters = { key: { default: 1, least: 0, most: 9, doc: '' }, on: { default: true, doc: '' } };

export const moreTargets: Readonly<Record<string, () => FuzzTarget>> = {
  'tar-folder': () => ({
    seeds: [new FileTree({ 'bin/sh': { link: 'busybox' }, [`long/${'n'.repeat(120)}`]: 'x', 'etc/passwd': 'root:x:0:0::/:/bin/sh\n' },
      ['tmp', 'dev']).bytes()],
    run: (input) => answering(TarError, () => {
      const folder = new TarFolder(archiveOf(input));
      lookAround(folder, [], 6);
    }),
  }),
  loaders: () => ({
    seeds: [image(), program('guests/bin/native/pingpong'), program('guests/bin/linux/echo').slice(0, 8192)],
    run: (input) => {
      const native = parseElf(input);
      if (typeof native !== 'string') pageRuns(native);
      if (isElf(input)) readElf(input);
      if (isImage(input)) readImage(input);
      if (isLinuxImage(input)) parseLinuxImage(input);
    },
  }),
  symbols: () => fromFile([text('ffffffff80002000 T _start\n0000 t x\n'), program('guests/bin/native/pingpong')],
    (path) => answering(CliError, () => { readSymbolFile(path); })),
  lock: () => fromFile([text(JSON.stringify({ pid: 1, host: 'h', started: '1', command: 'tessera' })), text('{"pid":999999999}')],
    (path, folder) => {
      const disk = join(folder, 'disk');
      writeFileSync(disk, '');
      answering(CliError, () => { DiskLock.take(disk)?.release(); });
      rmSync(path, { force: true });
    }, 'disk.tessera-lock'),
  words: () => ({
    seeds: ['/tmp:/a:ro', '/tmp:tag:rw', '/tmp/x.img,ro', '/x,snapshot', 'key=5', 'on=yes', 'deb [arch=riscv64] http://h/d trixie main',
      'Types: deb\nURIs: http://h/d\nSuites: trixie\nComponents: main\n'].map(text),
    run: (input) => {
      const words = textOf(input);
      for (const read of [parseMount, parseShare, parseDisk]) answering(CliError, () => { read(words); });
      answering(ScenarioError, () => { readSettings({ name: 's', parameters }, [words]); });
      parseOneLine(words);
      parseDeb822(words);
    },
  }),
  world: () => ({
    seeds: [
      encodeWorld({ kind: 'data', id: 1, bytes: text('hello') }), encodeWorld({ kind: 'end', id: 1 }),
      encodeWorld({ kind: 'failed', id: 1, why: Failure.REFUSED }), encodeWorld({ kind: 'accepted', id: 1, forward: 0 }),
      encodeWorld({ kind: 'datagram', id: 1, forward: 0, from: { ip, port: 53 }, bytes: text('x') })
    ],
    run: (input) => {
      const message = decodeWorld(input);
      if (message) encodeWorld(message);
    },
  }),
  packs: () => ({
    seeds: [packFrames([text('one'), text('two')], 0, 4096).bytes,
      packTables({ thread: 1, task: 2, roots: { first: 8n }, tables: [{ at: 4096n, entries: [[1, 5n]] }] })],
    run: (input) => {
      unpackFrames(input);
      unpackTables({ sequence: 0, part: 0, index: 0, bytes: input }).read(4096n);
    },
  }),
  'lab-wire': () => {
    const writer = new Writer();
    for (let i = 0; i < 3; i++) writer.u8(1).f64(5).data(text('data')).text('text').i64(7n);
    return {
      seeds: [writer.taken.slice()],
      run: (input) => answering(WireError, () => {
        const reader = new Reader(input);
        for (let i = 0; i < 8; i++) { reader.u8(); reader.f64(); reader.data(); reader.text(); reader.i64(); }
      }),
    };
  },
};
