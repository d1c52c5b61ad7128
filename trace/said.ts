/**
 * The meaning of records by their payload and the recording's words: calls with their arguments and results, messages with their operands,
 * accesses to devices by register. Without payload: the record's own fields.
 */
import { Cause, Kind, causeName, flexBase, flexOrder, flexRights, flexSelector, isCapPage } from '../microkernel/abi/index.ts';
import { callName as nameOfCall } from '../l4guest/abi/calls.ts';
import { argumentsText, quoted, resultText } from './arguments.ts';
import { labelName, operationOf } from './labels.ts';
import { ExitWord, Part, SBI, wordsOfPart, type PayloadPart } from './payload.ts';
import { accessOf, type RecordView } from './record.ts';
import { sbiErrors, sbiExtensions } from './sbi.ts';
import { isGuestThread } from './shadows.ts';
import { registerAt, type Vocabulary } from './vocabulary.ts';

const NO_WORDS: Vocabulary = {};
/** Numbers below zero are addresses of the upper half. */
export const hex = (n: number): string => `0x${n < 0 ? BigInt.asUintN(64, BigInt(n)).toString(16) : n.toString(16)}`;
const wordsOf = (r: RecordView | undefined): Vocabulary => r?.source?.words ?? NO_WORDS;
const partsOf = (r: RecordView | undefined): readonly PayloadPart[] => r?.source?.payload(r.sequence) ?? [];
const valuesOf = (parts: readonly PayloadPart[], part: number): bigint[] | undefined => {
  const payloadPart = parts.find((x) => x.part === part);
  return payloadPart && wordsOfPart(payloadPart);
};

export const callName = (words: Vocabulary, nr: number): string => words.syscalls?.[nr]?.[0] ?? syscallName(nr);
/** A system call of Linux on riscv64 by its number. */
export const syscallName = (nr: number): string => nameOfCall(nr) ?? `syscall ${nr}`;

/** The device register that a guest-page fault accesses; undefined for other addresses. */
export function registerOf(record: RecordView): { device: string; register: string } | undefined {
  return record.kind === Kind.event && record.a === Cause.guestPageFault && record.source
    ? registerAt(record.source.words, record.source.taskOf(record.object), record.c)
    : undefined;
}

/** A system call with its arguments and, where the answer is known, its result. */
export function callText(event: RecordView, answer?: RecordView): string {
  const words = wordsOf(event), parts = partsOf(event), values = valuesOf(parts, Part.words), name = callName(words, event.c);
  const answered = answer ? partsOf(answer) : [], result = valuesOf(answered, Part.result)?.[0], row = words.syscalls?.[event.c];
  const call = values === undefined ? name
    : row ? `${name}(${argumentsText(words, row[1], values, [...parts, ...answered], result)})`
    : `${name}(${values.map((v) => `0x${v.toString(16)}`).join(', ')})`;
  if (result !== undefined) return `${call} = ${resultText(words, result)}`;
  return answer && values !== undefined ? `${call} = ?` : call;
}

export const sbiName = (extension: number): string => {
  const named = sbiExtensions[extension];
  return named ? (named.name === 'legacy' ? `${named.functions[0]![0]} (legacy)` : named.name) : `extension ${hex(extension)}`;
};

function sbiText(event: RecordView, answer?: RecordView): string {
  const extension = sbiExtensions[event.c], parts = partsOf(event), values = valuesOf(parts, Part.words);
  if (!extension || !values) return `SBI ${sbiName(event.c)}`;
  const fid = extension.name === 'legacy' ? 0 : Number(values[6] ?? 0n), row = extension.functions[fid];
  const call = row ? `SBI ${extension.name}.${row[0]}(${argumentsText({}, row[1], values, parts)})` : `SBI ${extension.name}.${fid}`,
    result = answer && valuesOf(partsOf(answer), Part.result);
  if (!result) return call;
  const error = Number(BigInt.asIntN(64, result[0]!)), value = result[1] ?? 0n;
  return extension.name === 'legacy' ? `${call} = ${error}`
    : error === 0 ? `${call} = 0${value === 0n ? '' : `, value 0x${value.toString(16)}`}`
    : `${call} = ${sbiErrors[error] ?? error}`;
}

function guestFaultText(event: RecordView, answer?: RecordView): string {
  const access = accessOf(event.b), at = registerOf(event), place = at ? `${at.device}.${at.register}` : hex(event.c);
  if (!at) return access ? `guest page fault: ${access} at ${place}` : `guest page fault at ${place}`;
  const stored = access === 'store' ? valuesOf(partsOf(event), Part.words)?.[ExitWord.value] : undefined,
    loaded = answer && valuesOf(partsOf(answer), Part.result)?.[0];
  if (access === 'store')
    return `store ${stored === undefined ? 'to ' : ''}${place}${stored === undefined ? '' : ` = 0x${(stored & 0xffffffffn).toString(16)}`}`;
  return `${access || 'access'} ${place}${loaded === undefined ? '' : ` = 0x${(loaded & 0xffffffffn).toString(16)}`}`;
}

/** The meaning of an event; with the record that answers it, also the result. */
export function eventWords(event: RecordView, answer?: RecordView): string {
  switch (event.a) {
    case Cause.syscall: return isFirmwareCall(event) ? sbiText(event, answer) : callText(event, answer);
    case Cause.sbi: return sbiText(event, answer);
    case Cause.guestPageFault: return guestFaultText(event, answer);
    case Cause.pageFault: { const access = accessOf(event.b); return `page fault${access ? `: ${access}` : ''} at ${hex(event.c)}`; }
    case Cause.virtualInstruction: return `virtual instruction ${hex(event.c)}`;
    case Cause.startup: case Cause.recall: case Cause.wfi: return causeName(event.a);
    default: return `${causeName(event.a)} ${hex(event.c)}`;
  }
}

/** Numbers of Linux's calls are below; those of SBI extensions that are older than it are too. */
const NO_SYSCALL = 0x1_0000;
/** A guest whose kernel runs in U mode calls its firmware as its programs call it: the payload knows, or the number is none of Linux's. */
export function isFirmwareCall(event: RecordView): boolean {
  if (event.a !== Cause.syscall || !event.source || !isGuestThread(event.source.name(event.actor))) return false;
  const words = partsOf(event).find((p) => p.part === Part.words);
  return words ? words.index === SBI : event.c >= NO_SYSCALL && sbiExtensions[event.c] !== undefined;
}

const TEXT = 'text', ADDRESSES = new Set(['address', 'va', 'dest', 'base', 'pc', 'sp', 'utcb', 'mtd', 'mapped']);

/** Words of a message by the names of its operands. Text is the last operand: its length and packed bytes. */
function operandsText(names: readonly string[], part: PayloadPart): string {
  const values = wordsOfPart(part), shown: string[] = [];
  names.forEach((name, i) => {
    const value = values[i];
    if (value === undefined) return;
    if (name !== TEXT) {
      const number = ADDRESSES.has(name) ? `0x${value.toString(16)}` : String(BigInt.asIntN(64, value));
      shown.push(`${name}=${name === 'flexpage' ? flexpageText(Number(value)) : number}`);
      return;
    }
    shown.push(quoted(part.bytes.subarray(8 * i + 8, 8 * i + 8 + Number(value))));
  });
  return shown.join(', ');
}

/** A request: `block.read(sector=5, count=8)`; without payload its name. */
export function requestText(record: RecordView): string {
  const words = wordsOf(record).labels?.[record.a], name = words?.[0] ?? labelName(record.a),
    part = partsOf(record).find((p) => p.part === Part.words);
  if (!part) return name;
  return words ? `${name}(${operandsText(words[1] === '' ? [] : words[1].split(' '), part)})` : `${name}(${plainWords(part)})`;
}
/** The words of an answer: `skew=0`; empty when it has none or they are unknown. */
export function answerText(record: RecordView, request: RecordView | undefined): string {
  const part = partsOf(record).find((p) => p.part === Part.words), row = request && wordsOf(record).labels?.[request.a];
  return part ? (row ? operandsText(row[2] === '' ? [] : row[2].split(' '), part) : plainWords(part)) : '';
}
const plainWords = (part: PayloadPart): string =>
  wordsOfPart(part).slice(0, 8).map((w) => `0x${w.toString(16)}`).join(', ') + (part.bytes.length > 64 ? ', …' : '');

/** A kernel object's operation with all its operands, or the answer's words; undefined without payload. */
export function operationText(record: RecordView): string | undefined {
  const row = operationOf(record.a), parts = partsOf(record), operands = parts.find((p) => p.part === Part.words),
    answers = parts.find((p) => p.part === Part.result);
  const named = parts.find((p) => p.part === Part.text);
  if (row && named) return `(${quoted(named.bytes)})`;
  if (!row || (!operands && !answers)) return undefined;
  if (operands) return `(${operandsText(row.in, operands)})`;
  return `(${row.in[0] ? `${row.in[0]}=${ADDRESSES.has(row.in[0]) ? hex(record.c) : record.c}` : ''}) → ${operandsText(row.out, answers!)}`;
}

/** Flexpages in a message. */
export function itemsText(record: RecordView): string[] {
  const words = valuesOf(partsOf(record), Part.items) ?? [], texts: string[] = [];
  for (let i = 0; i + 2 < words.length; i += 3)
    texts.push(`${flexpageText(Number(words[i]))} to `
      + `${isCapPage(Number(words[i])) ? Number(words[i + 1]) : hex(Number(words[i + 1]))}${Number(words[i + 2]) & 1 ? ', granted' : ''}`);
  return texts;
}

export const bytesText = (n: number): string =>
  (n >= 2 ** 30 ? `${n / 2 ** 30} GiB` : n >= 2 ** 20 ? `${n / 2 ** 20} MiB` : n >= 1024 ? `${n / 1024} KiB` : `${n} B`);
const rightsText = (a: number): string => (a & 1 ? 'r' : '-') + (a & 2 ? 'w' : '-') + (a & 4 ? 'x' : '-');
const capRightsText = (a: number): string => ['use', 'control', 'map'].filter((_, i) => a & (1 << i)).join('+') || 'no rights';
/** A range of memory, or of capabilities from `base` (an address or a selector), with rights; `rights` & 8 = capabilities. */
export function rangeText(base: number, order: number, rights: number): string {
  if (rights & 8) return `capability ${base}${order ? ` … ${base + 2 ** order - 1}` : ''}, ${capRightsText(rights)}`;
  return `${order >= 38 ? 'all memory' : `${bytesText(2 ** order)} at ${hex(base)}`}, ${rightsText(rights)}`;
}
/** The range of a map or unmap record: a map names capabilities by selector, an unmap by the flexpage's base; zero rights mean all. */
export function mappedRange(record: RecordView): { base: number; capability: boolean; rights: string; all: number } {
  const capability = (record.a & 8) !== 0, all = record.kind === Kind.unmap && (record.a & 7) === 0 ? record.a | 7 : record.a;
  return {
    base: record.kind === Kind.unmap && capability ? flexSelector(record.c) : record.c, capability,
    rights: capability ? capRightsText(all) : rightsText(all), all
  };
}
/** Zero rights mean all. */
export const flexpageText = (page: number): string =>
  rangeText(isCapPage(page) ? flexSelector(page) : flexBase(page), flexOrder(page), (flexRights(page) || 7) | (isCapPage(page) ? 8 : 0));
