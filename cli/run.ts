/**
 * `tessera run`: one program under the Unix server. Standard input and output are one virtio console, standard error is
 * another; the system's log appears when something went wrong.
 *
 *   stdin/stdout ── console0 ── driver ── l4guest ── the program
 *   stderr ──────── console1 ── driver ──┘
 */
import { existsSync, statSync } from 'node:fs';
import { basename, posix } from 'node:path';
import { unixWorld } from '../scenarios/unix-world.ts';
import { boardMemory } from './board-memory.ts';
import { visible } from '../trace/visible.ts';
import { CliError, Exit, fileError } from './errors.ts';
import { readInput } from './files.ts';
import type { SharedOptions } from './options.ts';
import { openDisks, parseDisk } from './disk/disk.ts';
import { Folders, parseMount } from './mounts.ts';
import { Networks, configOf, parseNet } from './net.ts';
import { DEFAULT_PATH } from '../system/files/program.ts';
import { checkProgram, RootFs } from './rootfs.ts';
import { clockFor } from './recording.ts';
import { endingLine, runSystem } from './session.ts';
import { interpreterOf, withSymbol } from './symbol.ts';

export interface RunOptions extends SharedOptions {
  rootfs?: string;
  env?: string[];
  mount?: string[];
  disk?: string[];
  cwd?: string;
  /** Start of the guest's wall clock, in seconds since 1970. */
  clock?: number;
  /** Bytes of memory for the Unix server and its processes. */
  memory: number;
  net?: string;
  gdb?: number;
  gdbAt?: number;
}

export async function run(program: string, args: string[], options: RunOptions): Promise<number> {
  if (options.symbols !== undefined && !options.profile) throw new CliError('E_USAGE', 'option --symbols goes with --profile here');
  const env = environment(options.env ?? []);
  const replaying = options.replay !== undefined, mounts = (options.mount ?? []).map((text) => parseMount(text, replaying));
  const folders = new Folders(mounts, replaying);
  const nets = options.net === undefined ? [] : [parseNet(options.net)], networks = new Networks(nets);
  const rootfs = await RootFs.open(options.rootfs, replaying);
  for (const mount of mounts) if (!folders.mounts.includes(mount)) rootfs.place(mount);
  const { argv, file } = guestProgram(program, args, env, options, rootfs, folders), { modules } = rootfs;
  const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const watch = options.gdb === undefined ? undefined : new (await import('./gdb/processes.ts')).ProcessWatch();
  const disks = openDisks((options.disk ?? []).map(parseDisk));
  const clock = clockFor(options, interactive || [...folders.mounts, ...disks, ...nets].length > 0);
  const more = {
    seed: options.seed ?? 1, epoch: clock, watcher: watch
  };
  const world = (memory: number) => unixWorld({
    argv, env, cwd: options.cwd, rootfs: modules.length > 0 ? 'rootfs' : undefined, root: rootfs.option, disks: disks.length,
    tty: interactive, memory, folders: folders.options, net: nets[0] && { config: configOf(nets[0]) }, more
  });
  const { result, system } = await runSystem({
    scenario: world(options.memory), modules, clock, disks, folders: [...folders.ports, ...rootfs.port(replaying)], networks, consoles: 2,
    outputs: { console0: 1, console1: 2 },
    input: 'console0', interactive,
    gdb: watch && { port: options.gdb!, at: options.gdbAt, debugged: [{ kind: 'process', watch }] },
    memoryBytes: boardMemory(options.memory, modules, world),
  }, options).finally(() => { for (const disk of disks) disk.close(); folders.close(); networks.close(); });
  const linux = system.components.get('linux');
  if (linux?.state === 'exited' && linux.why) process.stderr.write(`tessera: E_PROGRAM: ${visible(withSymbol(linux.why, file?.()))}\n`);
  rootfs.close();
  if (result.ending === 'finished' && linux?.state === 'exited' && options.until === undefined) return linux.status;
  process.stderr.write(endingLine(result));
  return result.status;
}

/** The default environment with the K=V of the options. */
function environment(given: string[]): string[] {
  const values = new Map([
    ['PATH', DEFAULT_PATH], ['HOME', '/root'], ['TERM', process.stdout.isTTY ? process.env['TERM'] ?? 'linux' : 'dumb']
  ]);
  for (const pair of given) {
    const at = pair.indexOf('=');
    if (at < 1) throw new CliError('E_OPTION', `option --env: '${pair}' is no K=V`, 'write for example --env LANG=C');
    values.set(pair.slice(0, at), pair.slice(at + 1));
  }
  return [...values].map(([key, value]) => `${key}=${value}`);
}

/** The program's arguments, its name first; and its file, when the command has read it. */
interface GuestProgram { readonly argv: string[]; readonly file?: () => Uint8Array }

/** Places the program's files. */
function guestProgram(program: string, args: string[], env: string[], options: RunOptions, rootfs: RootFs, folders: Folders): GuestProgram {
  const cwd = options.cwd ?? '/', replaying = options.replay !== undefined,
    path = env.find((pair) => pair.startsWith('PATH='))!.slice('PATH='.length);
  const inFolder = program.includes('/') ? folders.hostPath(posix.resolve(cwd, program)) : undefined;
  if (inFolder !== undefined && (replaying || existsSync(inFolder))) {
    if (!replaying) checkHostProgram(program, inFolder);
    return { argv: [program, ...args] };
  }
  const inGuest = rootfs.program(program, path, cwd);
  if (inGuest) {
    checkProgram(program, inGuest);
    checkInterpreter(program, inGuest.data, rootfs, options);
  }
  if (inGuest || (replaying && options.rootfs !== undefined && !existsSync(options.rootfs)))
    return { argv: [program, ...args], file: inGuest?.whole };
  const guest = hostProgram(program, options.rootfs, args), file = readInput('program', program);
  checkInterpreter(program, file, rootfs, options);
  rootfs.place({ host: program, guest });
  return { argv: [guest, ...args], file: () => file };
}

/** A dynamically linked program needs an interpreter, which the guest must have. Live folders may contain it. */
function checkInterpreter(program: string, head: Uint8Array, root: RootFs, { rootfs, mount = [] }: RunOptions): void {
  const interpreter = interpreterOf(head);
  if (interpreter === undefined || mount.length > 0 || root.program(interpreter, '', '/')) return;
  const next = rootfs === undefined
    ? 'give a root file system that has it (--rootfs images/rootfs), or link the program with -static'
    : 'install the C library into it, or link the program with -static';
  throw new CliError('E_PROGRAM',
    `program '${program}' is dynamically linked: it needs '${interpreter}', which `
      + `${rootfs === undefined ? 'a guest without --rootfs does not have' : `'${rootfs}' does not have`}`,
    next, Exit.notExecutable);
}

/** An option after the program belongs to the program. */
function strayOption(args: readonly string[]): string {
  const stray = args.find((a) =>
    /^--(rootfs|env|mount|cwd|memory|engine|trace|trace-payload|stats|until|max-instructions|seed|record|replay|net|disk)(=|$)/.test(a));
  return stray === undefined
    ? ''
    : `; '${stray.replace(/=.*/, '')}' stands behind the program and is the program's: write the options of tessera run before it`;
}

/** The path in the guest for a program of the host. */
function hostProgram(program: string, rootfs: string | undefined, args: readonly string[]): string {
  if (!existsSync(program)) {
    const where = rootfs === undefined
      ? 'no file here, and without --rootfs the guest has no programs'
      : `neither in '${rootfs}' nor a file here`;
    throw new CliError('E_NO_PROGRAM', `program '${program}' is ${where}${strayOption(args)}`, '', Exit.notFound);
  }
  try {
    checkHostProgram(program, program);
  } catch (error) {
    if (rootfs === undefined || !(error instanceof CliError)) throw error;
    // With a root file system the user means a program in it.
    const why = error.message.replace(/^program '.*?' /, '');
    throw new CliError('E_NO_PROGRAM', `program '${program}' is not in '${rootfs}', and the file of this computer ${why}`, '',
      Exit.notFound);
  }
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
