/** The first processes: 1, which only adopts orphans, and the server's program. */
import { InFile, OutFile, STREAM_MODE } from '../drivers/memdev.ts';
import type { InputPort, OutputPort } from '../drivers/ports.ts';
import { TtyFile, type Tty } from '../drivers/tty.ts';
import { devTree } from '../fs/devfs.ts';
import { File } from '../fs/file.ts';
import { Directory, type Inode } from '../fs/inode.ts';
import { Reopen } from '../fs/pipe.ts';
import { newWalkEnd, walk, WalkFlag } from '../fs/walk.ts';
import { isImage, readAt, whyNotElf } from './elf.ts';
import { Mm } from '../mm/mm.ts';
import { bytesOf } from '../mm/uaccess.ts';
import { E, errnoName } from '../abi/errno.ts';
import { exec } from './exec.ts';
import type { Kernel } from './kernel.ts';
import { O } from '../abi/linux.ts';
import { Process } from './process.ts';
import { persist } from './later.ts';
import { Run, Thread } from './thread.ts';
import type { Co, Sleeper } from './wait.ts';

export interface Streams { readonly terminal?: Tty; readonly input?: InputPort; readonly out?: OutputPort; readonly err?: OutputPort }
export interface InitArgs { readonly argv: readonly string[]; readonly env: readonly string[]; readonly cwd: string }

/** The program cannot be started; `status` is a shell's status for it. */
export class ExecError extends Error {
  readonly status: number;
  constructor(message: string, status: number) { super(message); this.status = status; }
}
/** Exit status of a command for a wait status: its own, or 128 + signal. */
export const exitCode = (status: number): number => ((status & 0x7f) === 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f));

export function newProcess(k: Kernel, name: string): Process {
  const pid = k.pids.next(), process = new Process(k, pid, new Mm(k.frames), k.pids.newSession(pid),
    { root: k.top, cwd: k.top, umask: 0o22 });
  process.name = name;
  k.pids.processes.set(pid, process);
  return process;
}

/**
 * Makes process 1 and the program's process, which is ready to run; `sleeper` sleeps while the program's file is fetched. Throws
 * ExecError.
 */
export function* startInit(k: Kernel, sleeper: Sleeper, args: InitArgs, streams: Streams): Co<Thread> {
  k.init = newProcess(k, 'init');
  const process = newProcess(k, 'start'), thread = new Thread(k, process.pid, process, 'start');
  process.parent = k.init;
  k.init.children.add(process);
  process.threads.add(thread);
  k.pids.threads.set(thread.tid, thread);
  k.cpu.current = thread;
  thread.since = k.clock.now();
  yield* persist(sleeper, thread.since, () => changeDir(thread, args.cwd), () => { throw noDirectory(args.cwd); });
  openStreams(k, thread, streams);
  yield* execProgram(sleeper, thread, args);
  thread.since = Infinity;
  k.mainPid = process.pid;
  k.cpu.current = undefined;
  thread.state = Run.ready;
  k.cpu.ready.push(thread);
  return thread;
}
function changeDir(thread: Thread, path: string): void {
  const place = newWalkEnd();
  if (walk(thread, thread.k.top, path || '/', WalkFlag.follow, place) === 0 && place.inode instanceof Directory)
    thread.proc.fs.cwd = { mount: place.mount, inode: place.inode };
  else throw noDirectory(path);
}
const noDirectory = (path: string): ExecError => new ExecError(`working directory '${path}' is not there`, 126);
export function openStreams(k: Kernel, thread: Thread, streams: Streams): void {
  const fds = thread.proc.fds, limit = 64;
  if (streams.terminal) {
    const inode = devTree(k).lookup('console')!, file = new TtyFile(inode, O.RDWR, streams.terminal);
    const dev = devTree(k), mount = k.mounts.list.find((m) => m.root === dev) ?? k.nowhere;
    file.enter({ mount, inode, dir: dev, name: 'console' });
    streams.terminal.control(thread, 0);
    for (let i = 0; i < 3; i++) fds.add(i === 0 ? file : file.hold(), false, limit);
    return;
  }
  const stream = (make: (inode: Inode, flags: number) => File, flags: number): File => {
    const inode = k.anon.make(STREAM_MODE) as Inode & { endpoint: unknown };
    inode.endpoint = new Reopen((again) => make(inode, again));
    return make(inode, flags);
  };
  const { input, out, err } = streams,
    output = (port: OutputPort): File => stream((inode, flags) => new OutFile(inode, flags, port), O.WRONLY);
  const files = [input && stream((inode, flags) => new InFile(inode, flags, input), O.RDONLY), out && output(out), err && output(err)];
  for (const given of files) {
    const file = given ?? devTree(k).lookup('null')!.open(thread, O.RDWR);
    if (file instanceof File) fds.add(file, false, limit);
  }
}

/** Finds the program as a shell does, and starts it. */
function* execProgram(sleeper: Sleeper, thread: Thread, args: InitArgs): Co<void> {
  const name = args.argv[0];
  if (!name) throw new ExecError('no program given', 126);
  const path = args.env.findLast((e) => e.startsWith('PATH='))?.slice(5) ?? '/bin:/usr/bin:/sbin:/usr/sbin:/usr/local/bin';
  const candidates = name.includes('/') ? [name] : path.split(':').map((d) => `${d || '.'}/${name}`),
    encode = (s: string): Uint8Array => bytesOf(s);
  let worst = -E.NOENT, at = name;
  for (const text of candidates) {
    const asked = { base: thread.proc.fs.cwd, path: text, flags: 0 };
    const result = yield* persist(sleeper, thread.since, () => exec(thread, asked, args.argv.map(encode), args.env.map(encode)),
      (errno) => errno);
    if (result === 0) return;
    if (result !== -E.NOENT && result !== -E.NOTDIR && worst === -E.NOENT) { worst = result; at = text; }
  }
  if (worst === -E.NOENT) throw new ExecError(`program '${name}' is not there (or the interpreter it names)`, 127);
  throw new ExecError(`program '${at}': ${why(thread, at, worst)}`, 126);
}
function why(thread: Thread, path: string, error: number): string {
  const place = newWalkEnd();
  if (error === -E.NOEXEC && walk(thread, thread.proc.fs.cwd, path, WalkFlag.follow, place) === 0 && place.inode && isImage(place.inode))
    return `is ${whyNotElf(readAt(thread.k.frames, place.inode, 0, 64)) ?? 'damaged'}`;
  return error === -E.ACCES ? 'is not executable' : `cannot be started (${errnoName(-error)})`;
}
