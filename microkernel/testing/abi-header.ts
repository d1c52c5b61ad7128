/** The ABI for C, guests/include/tessera-abi.h, generated from the records in `abi/` (a spec keeps it up to date). */
import {
  CAUSES, CapRight, IPC, IpcFlag, Initial, Item, MAX_ITEMS, MAX_WORDS, Mtd, Ops, Own, Resume, Right, S, Status, ThreadFlag, U, causeName,
  type Operation
} from '../abi/index.ts';

const snake = (name: string): string => name.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();
const constant = (...parts: string[]): string => parts.filter(p => p).map(snake).join('_').toUpperCase();
const hex = (n: number): string => n < 16 ? String(n) : `0x${n.toString(16)}`;
const enumeration = (note: string, prefix: string, values: Readonly<Record<string, number>>): string =>
  `/* ${note} */\nenum { ${Object.entries(values).map(([name, n]) => `${constant(prefix, name)} = ${hex(n)}`).join(', ')} };\n`;

/** Consecutive fields; `gaps` are named and skipped. */
function fields(offsets: Readonly<Record<string, number>>, base: number, sizes: Readonly<Record<string, string>>): string {
  const out: string[] = [];
  let at = base, gaps = 0;
  for (const [name, offset] of Object.entries(offsets)) {
    const [count = '1'] = /\d+/.exec(sizes[name] ?? '') ?? [];
    if (offset > at) out.push(`u64 gap${gaps++}[${(offset - at) / 8}];`);
    out.push(`${sizes[name]?.startsWith('struct') ? sizes[name] : `u64 ${snake(name)}${sizes[name] ?? ''};`}`);
    at = offset + Number(count) * (sizes[name]?.startsWith('struct item') ? 24 : 8);
  }
  return out.join(' ');
}

function stub(group: string, name: string, operation: Operation): string {
  const label = constant(group, name), operands = operation.in.includes('text') ? [] : operation.in;
  const parameters = operands.map(w => `, u64 ${w}`).join(''), words = operands.map((w, i) => `u->words[${i}] = ${w}`).join(', ');
  if (operation.in.includes('text'))
    return `static inline u64 ${snake(group)}_${snake(name)}(struct utcb *u, u64 cap, u64 words) { return call(u, cap, ${label}, words); } `
      + `/* text packed in the words */`;
  return `static inline u64 ${snake(group)}_${snake(name)}(struct utcb *u, u64 cap${parameters}) { ${words ? `${words}; ` : ''}return `
    + `call(u, cap, ${label}, ${operands.length}); }${operation.out.length > 0 ? ` /* → ${operation.out.join(' ')} */` : ''}`;
}

const enumerations = (): string => {
  const causes = Object.fromEntries(Array.from({ length: CAUSES }, (_, cause) => [causeName(cause), cause]));
  const nameless = (prefix: string, values: Readonly<Record<string, number>>): string =>
    enumeration('', prefix, values).replace('/*  */\n', '');
  return [
    enumeration('Flags of the call.', '', IpcFlag), enumeration('Statuses.', '', Status),
    enumeration('Causes of events: the label of the message.', 'cause', causes),
    enumeration('Label of a reply to an event.', 'resume', Resume),
    enumeration('State groups.', 'mtd', Mtd), enumeration('Rights of memory, and of capabilities.', 'right', Right),
    nameless('cap', CapRight), enumeration('Flags of items and of new threads.', 'item', Item), nameless('thread_flag', ThreadFlag),
    enumeration('What the first task finds in its capability space, and what every component does.', 'initial', Initial),
    nameless('own', Own),
  ].join('');
};

/** The labels of one kind of object, and a function for each. */
function operationsOf(group: string, operations: Record<string, Operation>): string {
  const label = (name: string, { label, in: operands }: Operation): string =>
    `  ${constant(group, name)} = ${hex(label)},${operands.length > 0 ? ` /* ${operands.join(' ')} */` : ''}`;
  const each = Object.entries(operations);
  return `enum {\n${each.map(([name, o]) => label(name, o)).join('\n')}\n};\n${each.map(([name, o]) => stub(group, name, o)).join('\n')}\n`;
}

export function cHeader(): string {
  const operations = Object.entries(Ops) as [string, Record<string, Operation>][];
  return `/*
 * The microkernel's records and calls for C, made by microkernel/testing/abi-header.ts: do not edit. Include tessera.h.
 * docs/reference/kernel.md says what each call does and answers.
 */
#pragma once
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long i64;

enum { IPC = ${hex(IPC)}, MAX_WORDS = ${MAX_WORDS}, MAX_ITEMS = ${MAX_ITEMS} };
${enumerations()}
/* The state area of a UTCB, and the UTCB. tag: words in bits 0–6, items in bits 8–12, label in bits 32–63. */
struct item { u64 flexpage, destination, flags; };
struct state { ${fields(S, U.state, { x: '[32]', f: '[32]' })} };
struct utcb { ${fields(U, 0, { words: `[${MAX_WORDS}]`, items: `struct item items[${MAX_ITEMS}];`, state: 'struct state state;' })} };
_Static_assert(__builtin_offsetof(struct utcb, state) == ${hex(U.state)}, "the state area of a UTCB");
_Static_assert(__builtin_offsetof(struct state, hstatus) == ${hex(S.hstatus - U.state)}, "its last register");

/* Flexpages: a naturally aligned range of memory, or of selectors, with rights. */
static inline u64 memory_page(u64 base, u64 order, u64 rights) { return base | order << 4 | rights; }
static inline u64 cap_page(u64 selector, u64 order, u64 rights) { return selector << 12 | order << 4 | 8 | rights; }

static inline void set_tag(struct utcb *u, u64 label, u64 words) { u->tag = label << 32 | words; }
static inline u64 label_of(const struct utcb *u) { return u->tag >> 32; }
static inline u64 words_of(const struct utcb *u) { return u->tag & 127; }

/* The system call. time-out in ns, -1: never. */
struct answer { u64 status, badge; };
static inline struct answer ipc(u64 flags, u64 cap, u64 timeout) {
  register u64 a0 __asm__("a0") = flags;
  register u64 a1 __asm__("a1") = cap;
  register u64 a2 __asm__("a2") = timeout;
  register u64 a7 __asm__("a7") = IPC;
  __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a7) : "memory");
  return (struct answer){a0, a1};
}
/* Sends the message in the UTCB and waits for the reply. */
static inline u64 call(struct utcb *u, u64 cap, u64 label, u64 words) {
  set_tag(u, label, words);
  return ipc(SEND | CALL | RECEIVE, cap, -1ul).status;
}

/* Operations of kernel objects: labels, and a function for each that answers the status; results stand in u->words. */
${operations.map(([group, ops]) => operationsOf(group, ops)).join('')}`;
}
