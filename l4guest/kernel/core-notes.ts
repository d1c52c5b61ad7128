/**
 * The notes of a core dump: what a debugger has to know of a process besides its memory.
 *
 * @spec linux include/linux/elfcore.h struct elf_prstatus, struct elf_prpsinfo
 */
import { bytesOf } from '../mm/text.ts';
import type { Process } from './process.ts';
import { NT, registerSet } from './registers.ts';
import { sigInfoBytes, type SigInfo } from './sigqueue.ts';
import type { Thread } from './thread.ts';

const Note = { PRPSINFO: 3, AUXV: 6, SIGINFO: 0x5349_4749, FILE: 0x4649_4c45 } as const;
const OWNER = 'CORE', PAGE = 4096, PRSTATUS_BYTES = 376, PRPSINFO_BYTES = 136, NAME_BYTES = 16, ARGS_BYTES = 80;
/** Bytes of a PRSTATUS in front of the registers. */
const REGISTERS_AT = 112;
const rounded = (n: number): number => Math.ceil(n / 4) * 4;

function note(type: number, content: Uint8Array): Uint8Array {
  const named = rounded(OWNER.length + 1), out = new Uint8Array(12 + named + rounded(content.length)), view = new DataView(out.buffer);
  [OWNER.length + 1, content.length, type].forEach((word, i) => { view.setUint32(4 * i, word, true); });
  out.set(bytesOf(OWNER), 12);
  out.set(content, 12 + named);
  return out;
}

/** The numbers of a process as it sees them itself: its own, its parent's, its group's, its session's. */
function numbersOf(process: Process): readonly number[] {
  const { numbers } = process;
  return [process.pid, process.parent?.pid ?? 0, process.group.id, process.session.id].map((n) => (n === 0 ? 0 : numbers.of(n)));
}

function status(thread: Thread, sig: number): Uint8Array {
  const out = new Uint8Array(PRSTATUS_BYTES), view = new DataView(out.buffer), { proc: process } = thread;
  view.setUint32(0, sig, true);
  view.setUint16(12, sig, true);
  view.setBigUint64(16, BigInt.asUintN(64, thread.pending.bits), true);
  view.setBigUint64(24, BigInt.asUintN(64, thread.mask), true);
  numbersOf(process).forEach((n, i) => { view.setUint32(32 + 4 * i, i === 0 ? thread.number : n, true); });
  const times = [thread.cpuNs - Math.min(thread.systemNs, thread.cpuNs), thread.systemNs, process.childCpuNs, process.childSystemNs];
  times.forEach((ns, i) => {
    view.setBigUint64(48 + 16 * i, BigInt(Math.floor(ns / 1e9)), true);
    view.setBigUint64(56 + 16 * i, BigInt(Math.floor((ns % 1e9) / 1000)), true);
  });
  out.set(registerSet(thread.regs, NT.PRSTATUS)!, REGISTERS_AT);
  view.setUint32(PRSTATUS_BYTES - 8, 1, true); // the floating-point registers follow
  return out;
}

function processInfo(process: Process, commandLine: string): Uint8Array {
  const out = new Uint8Array(PRPSINFO_BYTES), view = new DataView(out.buffer);
  out[1] = 'R'.charCodeAt(0);
  view.setInt8(3, process.leader?.nice ?? 0);
  [process.creds.uid, process.creds.gid, ...numbersOf(process)].forEach((n, i) => { view.setUint32(16 + 4 * i, n >>> 0, true); });
  out.set(bytesOf(process.name).subarray(0, NAME_BYTES - 1), 40);
  out.set(bytesOf(commandLine.replaceAll('\0', ' ').trimEnd()).subarray(0, ARGS_BYTES - 1), 40 + NAME_BYTES);
  return out;
}

/** Which files are mapped where, by pages. */
function files(process: Process): Uint8Array {
  const areas = process.mm.areas.list.filter((area) => area.object !== undefined && area.name.startsWith('/'));
  const words = [areas.length, PAGE, ...areas.flatMap((area) => [area.start, area.end, area.first])];
  const names = bytesOf(areas.map((area) => `${area.name}\0`).join('')), out = new Uint8Array(8 * words.length + names.length);
  const view = new DataView(out.buffer);
  words.forEach((word, i) => { view.setBigUint64(8 * i, BigInt(word), true); });
  out.set(names, 8 * words.length);
  return out;
}

/** All notes, for the thread that the signal has ended. Its registers are loaded. */
export function notesOf(thread: Thread, info: SigInfo, commandLine: string): Uint8Array {
  const { proc: process } = thread;
  const all = [note(NT.PRSTATUS, status(thread, info.signo)), note(Note.PRPSINFO, processInfo(process, commandLine)),
    note(Note.SIGINFO, sigInfoBytes(info)), note(Note.AUXV, process.mm.auxv), note(Note.FILE, files(process)),
    note(NT.FPREGSET, registerSet(thread.regs, NT.FPREGSET)!)];
  const out = new Uint8Array(all.reduce((n, one) => n + one.length, 0));
  let at = 0;
  for (const one of all) { out.set(one, at); at += one.length; }
  return out;
}
