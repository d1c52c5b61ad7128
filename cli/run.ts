/**
 * `tessera run`: the Unix world with one program. Standard input and output are one virtio console, standard error is another; the log of the
 * system is shown when something went wrong.
 *
 *   stdin/stdout ── console0 ── driver ── l4guest ── the program
 *   stderr ──────── console1 ── driver ──┘
 */
import { existsSync, statSync } from 'node:fs';
import { basename, posix } from 'node:path';
import type { Module } from '../index.ts';
import { unixWorld } from '../scenarios/unix-world.ts';
import { BadGzip, isGzip } from '../system/files/gunzip.ts';
import { boardMemory } from './board-memory.ts';
import { visible } from '../trace/visible.ts';
import { CliError, Exit, fileError } from './errors.ts';
import { readInput } from './files.ts';
import { gunzipBounded } from './gunzip.ts';
import type { RunOptions } from './commands/run.ts';
import { Folders, parseMount, type Mount } from './mounts.ts';
import { Networks, configOf, parseNet } from './net.ts';
import { Plan, type Placement } from './pack.ts';
import { DEFAULT_PATH, openTar, programIn, whyNotRun } from '../system/files/rootfs.ts';
import { endingLine, runSystem } from './session.ts';
import { interpreterOf, withSymbol } from './symbol.ts';
import { joinTar } from '../system/files/archive.ts';
import { BLOCK, maybeTar, NO_TAR, TarError, type TarEntry } from '../system/files/tar.ts';

interface GuestFiles { modules: Module[]; argv: string[]; /** The program's file, where it was looked at. */ file?: Uint8Array }

export async function run(program: string, args: string[], options: RunOptions): Promise<number> {
  const env = environment(options.env ?? []);
  const replaying = options.replay !== undefined, mounts = (options.mount ?? []).map((text) => parseMount(text, replaying));
  const folders = new Folders(mounts, replaying);
  const nets = options.net === undefined ? [] : [parseNet(options.net)], networks = new Networks(nets);
  const { modules, argv, file } = await guestFiles(program, args, env, options, mounts.filter((m) => !folders.mounts.includes(m)), folders);
  const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true;
  let onSignal = (_signal: number, _pc: number) => (): boolean => true;
  const more = { seed: options.seed ?? 1, onSignal: options.gdb === undefined ? undefined : (signal: number, pc: number) => onSignal(signal, pc) };
  const world = (memory: number) => unixWorld({ argv, env, cwd: options.cwd, rootfs: 'rootfs', tty: interactive, memory, folders: folders.options, net: nets[0] && { config: configOf(nets[0]) }, more });
  const { result, system } = await runSystem({
    scenario: world(options.memory), modules, folders: folders.ports, networks, consoles: 2,
    outputs: { console0: 1, console1: 2 },
    input: 'console0', interactive, gdb: options.gdb === undefined ? undefined : { port: options.gdb, debugged: 'process', started: (debugging) => { onSignal = (signal, pc) => debugging.signalled(signal, pc); } },
    memoryBytes: boardMemory(options.memory, modules, world),
  }, options).finally(() => { folders.close(); networks.close(); });
  const linux = system.components.get('linux');
  if (linux?.state === 'exited' && linux.why) process.stderr.write(`tessera: E_PROGRAM: ${visible(withSymbol(linux.why, file))}\n`);
  if (result.ending === 'finished' && linux?.state === 'exited' && options.until === undefined) return linux.status;
  process.stderr.write(endingLine(result));
  return result.status;
}

/** K=V of the options over what every program finds. */
function environment(given: string[]): string[] {
  const values = new Map([['PATH', DEFAULT_PATH], ['HOME', '/root'], ['TERM', process.stdout.isTTY ? process.env['TERM'] ?? 'linux' : 'dumb']]);
  for (const pair of given) {
    const at = pair.indexOf('=');
    if (at < 1) throw new CliError('E_OPTION', `option --env: '${pair}' is no K=V`, 'write for example --env LANG=C');
    values.set(pair.slice(0, at), pair.slice(at + 1));
  }
  return [...values].map(([key, value]) => `${key}=${value}`);
}

/** The root file system as an archive, the program in it, and what it shall be called. */
async function guestFiles(program: string, args: string[], env: string[], options: RunOptions, mounts: Mount[], folders: Folders): Promise<GuestFiles> {
  const root = await rootFiles(options, mounts);
  const path = env.find((pair) => pair.startsWith('PATH='))!.slice('PATH='.length);
  const inFolder = folders.hostPath(program.includes('/') ? posix.resolve(options.cwd ?? '/', program) : '/');
  if (program.includes('/') && inFolder !== undefined && (existsSync(inFolder) || options.replay !== undefined)) {
    if (options.replay === undefined) checkHostProgram(program, inFolder);
    return { modules: [{ name: 'rootfs', bytes: root.archive() }], argv: [program, ...args] };
  }
  const inGuest = programIn(root.files, program, path, options.cwd);
  if (inGuest) {
    checkProgram(program, inGuest);
    checkInterpreter(program, inGuest.data, root.files, options);
    return { modules: [{ name: 'rootfs', bytes: root.archive() }], argv: [program, ...args], file: inGuest.data };
  }
  const placed = hostProgram(program, options.rootfs, args), file = readInput('program', program);
  checkInterpreter(program, file, root.files, options);
  return { modules: [{ name: 'rootfs', bytes: root.archive({ host: program, guest: placed }) }], argv: [placed, ...args], file };
}

/** A dynamically linked program needs another one, which the guest must have. Folders that are mounted live may hold it. */
function checkInterpreter(program: string, file: Uint8Array, files: Map<string, TarEntry>, { rootfs, mount = [] }: RunOptions): void {
  const interpreter = interpreterOf(file);
  if (interpreter === undefined || mount.length > 0 || programIn(files, interpreter, '')) return;
  const next = rootfs === undefined ? 'give a root file system that has it (--rootfs images/rootfs), or link the program with -static' : 'install the C library into it, or link the program with -static';
  throw new CliError('E_PROGRAM', `program '${program}' is dynamically linked: it needs '${interpreter}', which ${rootfs === undefined ? 'a guest without --rootfs does not have' : `'${rootfs}' does not have`}`, next, Exit.notExecutable);
}

/** An option of ours that stands behind the program is the program's. */
function strayOption(args: readonly string[]): string {
  const stray = args.find((a) => /^--(rootfs|env|mount|cwd|memory|engine|trace|trace-payload|stats|until|max-instructions|seed|record|replay|net|disk)(=|$)/.test(a));
  return stray === undefined ? '' : `; '${stray.replace(/=.*/, '')}' stands behind the program and is the program's: write the options of tessera run before it`;
}

function checkProgram(name: string, entry: { mode: number; data: Uint8Array }): void {
  const why = whyNotRun(entry);
  if (why) throw new CliError('E_PROGRAM', `program '${name}' ${why}`, why === 'is not executable' ? 'give it the right with chmod +x' : '', Exit.notExecutable);
}

/** The path in the guest for a program of the host. */
function hostProgram(program: string, rootfs: string | undefined, args: readonly string[]): string {
  if (!existsSync(program)) {
    const where = rootfs === undefined ? 'no file here, and without --rootfs the guest has no programs' : `neither in '${rootfs}' nor a file here`;
    throw new CliError('E_NO_PROGRAM', `program '${program}' is ${where}${strayOption(args)}`, '', Exit.notFound);
  }
  checkHostProgram(program, program);
  return `/bin/${basename(program)}`;
}
function checkHostProgram(program: string, host: string): void {
  try {
    const stat = statSync(host), what = stat.isDirectory() ? 'folder' : stat.isFile() ? '' : 'device';
    if (what) throw new CliError('E_PROGRAM', `program '${program}' is a ${what}`, '', Exit.notExecutable);
    checkProgram(program, { mode: stat.mode, data: readInput('program', host) });
  } catch (error) {
    throw error instanceof CliError ? error : fileError('program', program, error, '', Exit.notExecutable);
  }
}

/** What is in the root file system, and the archive of it with one more file, if need be. */
interface RootFiles { files: Map<string, TarEntry>; archive(more?: Placement): Module['bytes'] }

/** The folder or archive of --rootfs and the folders of --mount; without --rootfs a few empty folders. */
async function rootFiles(options: RunOptions, mounts: readonly Mount[]): Promise<RootFiles> {
  const { rootfs } = options;
  if (rootfs === undefined) return planned(mounts, ['bin', 'dev', 'etc', 'proc', 'tmp']);
  return isFolder(rootfs) ? planned([{ host: rootfs, guest: '' }, ...mounts]) : await archived(rootfs, mounts);
}

function isFolder(rootfs: string): boolean {
  try {
    return rootfs !== '-' && statSync(rootfs).isDirectory();
  } catch (error) {
    throw fileError('root file system', rootfs, error, /images/.test(rootfs) ? 'fetch one with: tessera images fetch' : '');
  }
}

function planned(placements: readonly Placement[], folders: string[] = []): RootFiles {
  const plan = new Plan(placements, folders);
  return {
    files: plan.files(),
    archive: (more) => {
      if (more) plan.add(more);
      return plan;
    },
  };
}

async function openArchive(rootfs: string): ReturnType<typeof unpacked> {
  try {
    return await unpacked(readInput('root file system', rootfs));
  } catch (error) {
    if (!(error instanceof TarError) && !(error instanceof BadGzip)) throw error;
    const what = error.message === NO_TAR ? 'is neither a folder nor a tar archive' : error.message;
    throw new CliError('E_ROOTFS', `root file system '${rootfs}' ${what}`);
  }
}

async function unpacked(file: Uint8Array) {
  return openTar(isGzip(file) ? await gunzipBounded(file, (first) => first.length >= BLOCK && !maybeTar(first)) : file);
}

/** What is mounted lies over the archive's own. */
async function archived(rootfs: string, mounts: readonly Mount[]): Promise<RootFiles> {
  const { bytes, files } = await openArchive(rootfs);
  for (const [name, entry] of new Plan(mounts).files()) files.set(name, entry);
  return {
    files,
    archive: (more) => {
      const over = [...mounts, ...(more ? [more] : [])];
      return over.length ? joinTar(bytes, new Plan(over)) : bytes;
    },
  };
}
