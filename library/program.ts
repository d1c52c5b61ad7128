/** Runs one riscv64 Linux program under the Unix server, as `tessera run` does. */
import { FIRST_EXPORT, unixWorld } from '../scenarios/unix-world.ts';
import { FileTree, type Archive, type Files } from '../system/files/archive.ts';
import { DEFAULT_PATH } from '../system/files/program.ts';
import { openTar } from '../system/files/open-tar.ts';
import { layered, programIn, whyNotRun } from '../system/files/rootfs.ts';
import { BadGzip } from '../system/files/gzip.ts';
import { readTar, TarError, type TarEntry } from '../system/files/tar.ts';
import { boardMemory } from '../system/ram.ts';
import type { HostFolder } from '../system/folders/folder.ts';
import type { Module, Result } from '../system/host.ts';
import { SystemError } from '../system/system.ts';
import { asSystemError, bytesOfSize } from './errors.ts';
import { portsOf } from './ports.ts';
import { Run, type RunOptions } from './run.ts';

export interface ProgramOptions extends RunOptions {
  /** A program of the guest (looked up in PATH if it has no slash), or an ELF file's bytes, which are placed at /bin/program. */
  readonly program: string | Uint8Array;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The root file system: a tar archive, packed with gzip or not, or an archive that is created when needed. */
  readonly rootfs?: Uint8Array | Archive;
  /** Files of the guest by path; they replace those of `rootfs`. */
  readonly files?: Files;
  /** Folders of the guest that are copied in at the start and out when the program ends: path → contents at the start. */
  readonly copies?: Readonly<Record<string, Files>>;
  /**
   * Folders that both sides see while the program runs, by their path in the guest: `new MemoryFolder({ … })`, or on Node
   * `liveFolder('project')`, as the command's --mount.
   */
  readonly folders?: Readonly<Record<string, HostFolder>>;
  /** Standard input: its contents, or 'open' for input through `run.stdin`. Default: empty. */
  readonly stdin?: string | Uint8Array | 'open';
  /** Standard input and output are a terminal. */
  readonly tty?: boolean | { readonly columns: number; readonly rows: number };
  /** Memory of the guest in bytes or as '64M' (default 256M). */
  readonly memory?: number | string;
}

export interface ProgramResult {
  /** The program's own status; 128 + N: it died of signal N. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** How the run ended, and a sentence when something went wrong. */
  readonly ending: Result['ending'];
  readonly why: string;
  /** The contents of the folders of `copies` now, by path below the folder, with links and folders. */
  readonly copies: Readonly<Record<string, ReadonlyMap<string, TarEntry>>>;
}

const FOLDERS = ['bin', 'dev', 'etc', 'proc', 'tmp'], PLACED = '/bin/program';

/** A run of a program. */
export class ProgramRun extends Run<ProgramResult> {
  /** Standard input and output share a console, as on a terminal. */
  get stdin(): Run<ProgramResult>['console'] { return this.consoleOf('console0'); }
  get stdout(): Run<ProgramResult>['console'] { return this.consoleOf('console0'); }
  get stderr(): Run<ProgramResult>['console'] { return this.consoleOf('console1'); }
}

/** Runs a program. @throws SystemError for a program that cannot run, in one sentence */
export function runProgram(options: ProgramOptions): ProgramRun {
  const env = { PATH: DEFAULT_PATH, HOME: '/root', TERM: options.tty ? 'xterm-256color' : 'dumb', ...options.env };
  const shared = Object.entries(options.folders ?? {}), { module, argv } = guestFiles(options, env.PATH),
    copies = Object.keys(options.copies ?? {}), tty = options.tty ?? false;
  const memory = bytesOfSize(options.memory ?? '256M'), seed = options.seed ?? 1;
  const world = (bytes: number) => unixWorld({
    argv, env: Object.entries(env).map(([key, value]) => `${key}=${value}`), cwd: options.cwd, rootfs: 'rootfs', tty: tty !== false,
    memory: bytes, exports: copies,
    more: { seed, epoch: options.clock },
    folders: shared.map(([path, { readOnly }]) => ({ path, source: 'host', readOnly: readOnly === true, prompt: true })),
  });
  try {
    const run: ProgramRun = new ProgramRun({
      scenario: world(memory), main: 'console0',
      host: {
        modules: [module], consoles: FIRST_EXPORT + copies.length, inputs: ['console0'],
        folders: portsOf(options.folders, options.replay !== undefined),
      },
      system: { memoryBytes: boardMemory(memory, [module], world) },
      finish: (result) => outcome(run, result, copies),
    }, options);
    feed(run, options);
    return run;
  } catch (error) {
    throw asSystemError(error);
  }
}

function feed(run: ProgramRun, { stdin, tty, replay }: ProgramOptions): void {
  if (replay !== undefined) return;
  if (typeof tty === 'object') run.stdin.resize(tty.columns, tty.rows);
  if (stdin === 'open') return;
  if (stdin !== undefined) run.stdin.write(stdin);
  run.stdin.end();
}

/** The root file system as a boot module, and the words of the command line. */
function guestFiles(options: ProgramOptions, path: string): { module: Module; argv: string[] } {
  const { program, args = [], rootfs } = options;
  const opened = rootfs instanceof Uint8Array ? openRootfs(rootfs) : undefined;
  const over = new FileTree(options.files, rootfs === undefined ? FOLDERS : []);
  for (const [folder, files] of Object.entries(options.copies ?? {})) {
    over.add({ [folder]: { folder: true } });
    over.add(files, folder);
  }
  if (typeof program !== 'string') over.add({ [PLACED]: { data: program, mode: 0o755 } });
  const base = opened?.files ?? (rootfs as Archive | undefined)?.files() ?? new Map<string, TarEntry>(),
    name = typeof program === 'string' ? program : PLACED;
  for (const [file, entry] of over.files()) base.set(file, entry);
  if (!isLent(name, options)) checkProgram(base, name, path, options);
  return { module: { name: 'rootfs', bytes: layered(opened?.bytes ?? (rootfs as Archive | undefined), over) }, argv: [name, ...args] };
}

function openRootfs(bytes: Uint8Array): ReturnType<typeof openTar> {
  try {
    return openTar(bytes);
  } catch (error) {
    if (error instanceof TarError || error instanceof BadGzip) throw new SystemError(`the root file system ${error.message}`);
    throw error;
  }
}

/** A program in a folder of the host is looked up when it starts. */
function isLent(name: string, { folders = {}, cwd = '/' }: ProgramOptions): boolean {
  const path = name.startsWith('/') ? name : `${cwd}/${name.replace(/^\.\//, '')}`;
  return name.includes('/') && Object.keys(folders).some((folder) => path.startsWith(`${folder}/`));
}

function checkProgram(files: Map<string, TarEntry>, name: string, path: string, options: ProgramOptions): void {
  const entry = programIn(files, name, path, options.cwd);
  if (!entry)
    throw new SystemError(`program '${name}' is not in the guest`
      + `${options.rootfs === undefined ? ', which without a root file system has only the files that it is given' : ''}`);
  const why = whyNotRun(entry);
  if (why) throw new SystemError(`program '${name}' ${why}`);
}

function outcome(run: ProgramRun, result: Result, copies: readonly string[]): ProgramResult {
  const linux = run.system.components.get('linux'), ended = result.ending === 'finished' && linux?.state === 'exited';
  const came = copies.map((path, i) =>
    [path, readTar(run.consoleOf(`console${FIRST_EXPORT + i}`).bytes()) ?? new Map<string, TarEntry>()] as const);
  return {
    status: ended ? linux.status : result.status, stdout: run.stdout.text(), stderr: run.stderr.text(),
    ending: result.ending, why: ended ? linux.why : result.why, copies: Object.fromEntries(came),
  };
}
