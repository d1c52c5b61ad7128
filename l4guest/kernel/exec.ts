/** execve: replaces the program of a process. Everything that can fail is done before the old program is touched. */
import { openAgain, openFrom } from '../fs/open.ts';
import { File } from '../fs/file.ts';
import type { DirPath } from '../fs/path.ts';
import { May, permitted } from '../fs/walk.ts';
import { Mm, STACK_TOP } from '../mm/mm.ts';
import { roundUp } from '../mm/mmap.ts';
import { bytesOf, textOf } from '../mm/uaccess.ts';
import { Vma } from '../mm/vma.ts';
import { afterExec } from './caps.ts';
import { Cap, Ms, O, PAGE, Prot, S } from '../abi/linux.ts';
import { capable } from './creds.ts';
import { E } from '../abi/errno.ts';
import { UserFault } from './failure.ts';
import { isImage, mapElf, parseElf, readAt, type Elf, type ImageInode, type Loaded as LoadedElf } from './elf.ts';
import { settleObligations, releaseMm } from './exit.ts';
import { idOf, nameOfId, shownId } from './spaces.ts';
import { Reg } from './registers.ts';
import { buildStack } from './stack.ts';
import { traceExec } from './tracing.ts';
import { KEEP_REGISTERS, Loaded, Run, type Thread } from './thread.ts';
import { VDSO } from './timepage.ts';
import { closedBy } from '../fs/locks.ts';
import { dropTimers } from './itimers.ts';
import type { Co } from './wait.ts';

const PIE_BASE = 0x2a_aaaa_a000, MAX_SCRIPTS = 4;
/** Gap between a program's data and its heap, as on Linux: bytes. */
const BRK_GAP = 0x1_0000;

/** The program that the caller names: a path from `base`, or an open file with the name by which it is called. */
export interface Asked {
  readonly base: DirPath | File;
  readonly path: string;
  /** O_NOFOLLOW; O_CLOEXEC if the name that a script's interpreter would open is closed by then. */
  readonly flags: number;
  /** The name that the program, or the interpreter of a script, sees; `path` if absent. */
  readonly called?: string;
}
interface Program {
  readonly file: File;
  readonly elf: Elf;
  readonly interpreter: { file: File; elf: Elf } | undefined;
  readonly argv: Uint8Array[];
  readonly path: string
}

/**
 * Replaces the program of the thread's process. 0, or -errno with nothing changed; sleeps while other threads of the process are in their
 * own kernel calls, which end first.
 */
export function exec(thread: Thread, asked: Asked, argv: Uint8Array[], envp: readonly Uint8Array[]): number | Co<number> {
  const opened: File[] = [];
  let mm: Mm | undefined, kept: File | undefined;
  try {
    const found = find(thread, opened, asked, argv, 0);
    if (typeof found === 'number') return found;
    // A script's process, and its AT_EXECFN, get the script's name.
    const program = { ...found, path: asked.called ?? asked.path };
    const image = build(thread, mm = new Mm(thread.k.frames), program, envp);
    if (typeof image === 'number') return image;
    if (hasOthersBeyond(thread)) {
      kept = program.file;
      return afterOthers(thread, mm, program, image);
    }
    commit(thread, mm, program, image);
    kept = program.file;
    return 0;
  } finally {
    if (!kept) mm?.release();
    for (const file of opened) if (file !== kept) file.release();
  }
}

const hasOthersBeyond = (t: Thread): boolean => [...t.proc.threads].some((o) => o !== t && o.passage !== undefined);

/** Ends the other threads, each with its own kernel call if it is in one; then replaces the program. */
function* afterOthers(thread: Thread, mm: Mm, program: Program, image: Image): Co<number> {
  let isDone = false;
  try {
    for (const other of [...thread.proc.threads])
      if (other !== thread) { if (other.passage) other.passage.endWith(); else thread.k.endThread(other, 0); }
    while (hasOthersBeyond(thread)) {
      yield* thread.nap(thread.proc.endWq);
      if (thread.isKilled) return -E.INTR;
    }
    commit(thread, mm, program, image);
    isDone = true;
    return KEEP_REGISTERS;
  } finally {
    if (!isDone) { mm.release(); program.file.release(); }
  }
}

/** Opens a file for execution. */
function openProgram(thread: Thread, opened: File[], { base, path, flags }: Asked): File | number {
  const how = O.RDONLY | O.EXEC | (flags & O.NOFOLLOW);
  const file = base instanceof File ? openAgain(thread, base, how) : openFrom(thread, base, path, how);
  if (typeof file === 'number') return file;
  opened.push(file);
  const inode = file.inode;
  if (!isImage(inode) || inode.type !== S.IFREG || (file.mount?.flags ?? 0) & Ms.NOEXEC) return -E.ACCES;
  if (!permitted(inode, May.EXEC, thread.creds)) return -E.ACCES;
  return inode.writing > 0 ? -E.TXTBSY : file;
}

/** The program at `path`, or the interpreter of a script. */
function find(thread: Thread, opened: File[], asked: Asked, argv: Uint8Array[], depth: number): Program | number {
  const file = openProgram(thread, opened, asked), path = asked.called ?? asked.path;
  if (typeof file === 'number') return file;
  const head = readAt(thread.k.frames, file.inode as ImageInode, 0, 256);
  if (head[0] === 0x23 && head[1] === 0x21) {
    if (depth >= MAX_SCRIPTS) return -E.LOOP;
    const script = scriptLine(head);
    if (!script) return -E.NOEXEC;
    if (asked.flags & O.CLOEXEC) return -E.NOENT; // The interpreter could not open a script that exec closes.
    const rest = argv.slice(1), name = bytesOf(path);
    return find(thread, opened, { base: thread.proc.fs.cwd, path: script.program, flags: 0 },
      [bytesOf(script.program), ...(script.argument === undefined ? [] : [bytesOf(script.argument)]), name, ...rest], depth + 1);
  }
  const elf = parseElf(thread.k.frames, file.inode), interpreter = typeof elf === 'number' ? elf : findInterpreter(thread, opened, elf);
  if (typeof elf === 'number') return elf;
  return typeof interpreter === 'number' ? interpreter : { file, elf, interpreter, argv, path };
}
/** `#! program argument`: the rest of the line is one argument. */
export function scriptLine(head: Uint8Array): { program: string; argument: string | undefined } | undefined {
  const end = head.indexOf(10), line = textOf(head.subarray(2, end < 0 ? head.length : end)).trim(),
    match = /^(\S+)(?:\s+(.*))?$/.exec(line);
  return match ? { program: match[1]!, argument: match[2] } : undefined;
}
function findInterpreter(thread: Thread, opened: File[], elf: Elf): { file: File; elf: Elf } | undefined | number {
  if (elf.interpreter === undefined) return undefined;
  const file = openProgram(thread, opened, { base: thread.proc.fs.root, path: elf.interpreter, flags: 0 });
  if (typeof file === 'number') return file;
  const parsed = parseElf(thread.k.frames, file.inode);
  return typeof parsed === 'number' ? -E.NOEXEC : { file, elf: parsed };
}

interface Image { readonly pc: number; readonly sp: number }

function build(thread: Thread, mm: Mm, program: Program, envp: readonly Uint8Array[]): Image | number {
  try {
    thread.k.timePages.map(mm, thread.proc.time);
    const root = thread.proc.fs.root, main = mapElf(mm, program.elf, PIE_BASE, program.file.path(root));
    if (typeof main === 'number') return main;
    const interpreter = program.interpreter ? mapElf(mm, program.interpreter.elf, 0, program.interpreter.file.path(root)) : undefined;
    if (typeof interpreter === 'number') return interpreter;
    mm.codeStart = main.codeStart; mm.codeEnd = main.codeEnd;
    mm.brkStart = mm.brk = roundUp(main.end) + BRK_GAP;
    const sp = makeStack(thread, mm, program, envp, main, interpreter);
    return sp < 0 ? sp : { pc: interpreter ? interpreter.entry : main.entry, sp };
  } catch (error) {
    if (error instanceof UserFault) return -E.NOMEM;
    throw error;
  }
}
function makeStack(thread: Thread, mm: Mm, program: Program, envp: readonly Uint8Array[], main: LoadedElf,
    interpreter: LoadedElf | undefined): number {
  thread.proc.limits.applyTo(mm);
  const stack = new Vma(mm, STACK_TOP - 0x2_1000, STACK_TOP, Prot.READ | Prot.WRITE, false, undefined, 0, '[stack]');
  stack.growsDown = true;
  mm.areas.insert(stack);
  const ids = suidCreds(thread, program.file), { users, groups } = thread.creds.users;
  return buildStack(mm, program.argv, envp, bytesOf(program.path), thread.k.random.bytes(16), [
    [3, main.phdr], [4, 56], [5, program.elf.phnum], [6, PAGE], [7, interpreter?.base ?? 0], [8, 0], [9, main.entry],
    [11, shownId(users, ids.uid)], [12, shownId(users, ids.euid)], [13, shownId(groups, ids.gid)], [14, shownId(groups, ids.egid)],
    [16, 0x112d], [17, 100], [33, VDSO], [23, ids.uid !== ids.euid || ids.gid !== ids.egid ? 1 : 0], [26, 0], [51, 1280],
  ]);
}
/** User and group after exec: set-user-ID bits count unless the process has given them up (no_new_privs). */
function suidCreds(thread: Thread, { inode, mount }: File): { uid: number; euid: number; gid: number; egid: number } {
  const creds = thread.creds, { users, groups } = creds.users, known = nameOfId(users, inode.uid) >= 0 && nameOfId(groups, inode.gid) >= 0;
  const honour = !thread.noNewPrivs && known && !((mount?.flags ?? 0) & Ms.NOSUID) &&
    (!thread.traced || capable(thread.traced.tracer.creds, Cap.SYS_PTRACE));
  return {
    uid: creds.uid, gid: creds.gid, euid: honour && inode.mode & S.ISUID ? inode.uid : creds.euid,
    egid: honour && (inode.mode & (S.ISGID | 0o10)) === (S.ISGID | 0o10) ? inode.gid : creds.egid
  };
}

/** The point of no return. */
function commit(thread: Thread, mm: Mm, program: Program, image: Image): void {
  const process = thread.proc, k = thread.k, formerTid = thread.tid;
  for (const other of [...process.threads]) if (other !== thread) k.endThread(other, 0);
  if (thread.tid !== process.pid) {
    k.pids.threads.delete(thread.tid);
    k.pids.gone(thread.tid);
    thread.tid = process.pid;
    thread.number = process.number;
    k.pids.threads.set(thread.tid, thread);
  }
  settleObligations(k, thread);
  if (process.mm.users === 1) k.arch.adoptSpace(process.mm, mm);
  process.pagesBefore = process.mostPages;
  releaseMm(k, process);
  process.mm = mm;
  if (process.borrowsMm) { process.borrowsMm = false; process.endWq.wakeAll(); }
  process.creds = thread.creds;
  process.creds.threadRing = process.creds.processRing = undefined;
  const mayRead = permitted(program.file.inode, May.READ, thread.creds), had = process.creds.caps.permitted,
    ids = suidCreds(thread, program.file), raised = ids.euid !== process.creds.euid || ids.egid !== process.creds.egid;
  process.creds.euid = process.creds.suid = process.creds.fsuid = ids.euid;
  process.creds.egid = process.creds.sgid = process.creds.fsgid = ids.egid;
  afterExec(process.creds.caps, ids.uid, ids.euid, idOf(process.creds.users.users, 0), raised);
  const gained = raised || (process.creds.caps.permitted & ~had) !== 0n, foreign = ids.uid !== ids.euid || ids.gid !== ids.egid;
  process.dumpable = gained || foreign || !mayRead ? k.sysctl.number('fs/suid_dumpable') : 1;
  if (gained || foreign) process.deathSignal = 0;
  process.exe?.release();
  process.exe = program.file;
  process.execed = true;
  process.name = thread.name = nameOf(program.path);
  process.fds = process.fds.users > 1 ? (process.fds.users--, process.fds.fork(process.k.frames.charge(process.fds.weight))) : process.fds;
  process.fds.onExec((fd) => { const f = process.fds.take(fd)!; closedBy(process, f); f.release(); });
  dropTimers(k, process);
  process.actions = process.actions.copy();
  process.actions.reset();
  thread.altStack = { sp: 0, flags: 2, size: 0 };
  thread.clearTid = 0;
  thread.robustList = 0;
  thread.utcb = 0;
  thread.rseq = undefined;
  thread.regs.big.fill(0n);
  thread.regs.pc = image.pc;
  thread.regs.setX(Reg.sp, image.sp);
  thread.loaded = Loaded.all;
  thread.state = Run.current;
  traceExec(thread, formerTid);
  k.watcher?.replaced(thread, program.file.path(process.fs.root));
}
export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1).slice(0, 15);
