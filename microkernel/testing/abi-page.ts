/** The reference page of the ABI, docs/reference/kernel.md, generated from the records in `abi/` (a spec keeps it up to date). */
import {
  CAUSES, Initial, Item, Kind, Mtd, Ops, Own, Resume, S, Status, ThreadFlag, U, causeName, kindName, type Operation
} from '../abi/index.ts';
import { BYTES, COSTS } from '../costs.ts';

const hex = (n: number): string => `0x${n.toString(16)}`;
const row = (...cells: (string | number)[]): string => `| ${cells.join(' | ')} |`;
const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [row(...head), row(...head.map(() => '---')), ...rows.map(r => row(...r))].join('\n');
const words = (list: readonly string[]): string => list.length > 0 ? list.map(w => `\`${w}\``).join(' ') : '–';

const STATUS: Readonly<Record<keyof typeof Status, string>> = {
  ok: 'done', badCap: 'no capability at that selector', badKind: 'the capability names an object of another kind',
  badRights: 'the capability does not carry the right',
  badOp: 'no such operation', badArgument: 'an argument is out of range, misaligned, or contradicts another',
  noQuota: 'a quota does not allow it', busy: 'slot, address or role is taken',
  timeout: 'the partner was not ready in time', aborted: 'the wait was ended by recall or cancel', dead: 'the partner is gone',
  fault: 'no UTCB, no window or too small a one, or nothing is mapped there',
};
const FLAGS = [
  [
    'send', 1, 'to `cap`: a portal, a kept reply, or a kernel object',
    'badCap, badKind (closed receive from no portal), badRights, dead, timeout, aborted, fault, and what mapping items answers'
  ],
  [
    'receive', 2, 'then wait, from anyone or through portal `cap` only',
    'badCap, badKind, badArgument (another\'s portal), timeout, aborted, dead (that portal has gone)'
  ],
  ['call', 4, 'with send: wait for the answer of whoever gets it', 'as send; dead when the receiver ends or drops the reply'],
  [
    'reply', 8, 'to the caller whose message came last, before receiving',
    'dead (nobody waits); for a reply to an event what its items answer: then the caller still waits'
  ],
] as const;

const OPERATION_COST: Readonly<Record<string, string>> = {
  createTask: `+ ${COSTS.frame} a frame of its root (one, or four for a guest)`,
  createThread: `+ ${COSTS.frame} for a UTCB`,
  map: `+ ${COSTS.item} + ${COSTS.node} a leaf or hole looked at + ${COSTS.map} a leaf made + ${COSTS.frame} a table; ${COSTS.cap} a `
    + `capability`,
  unmap: `+ ${COSTS.item} + ${COSTS.node} a leaf or hole looked at + ${COSTS.unmap} a leaf that goes; ${COSTS.cap} a capability`,
};
function costOf(name: string): string {
  const base = COSTS.entry + COSTS.invoke + COSTS.exit;
  return `${name.startsWith('create') ? base + COSTS.object : base} ${OPERATION_COST[name] ?? ''}`.trim();
}

function operations(group: string, ops: Readonly<Record<string, Operation>>): string {
  const parts = Object.entries(ops).map(([name, operation]) => [
    `### ${group}.${name}`, '', `label ${hex(operation.label)}, right ${operation.right}; `
      + `in ${words(operation.in)}; out ${words(operation.out)}; ${costOf(name)} cycles`,
    '', operation.doc,
    ...Object.entries(operation.fails ?? {}).map(([status, why]) => `* \`${status}\`: ${why}`), '',
  ].join('\n'));
  return `## ${group}\n\n${parts.join('\n')}`;
}

function enumeration(title: string, note: string, head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return `## ${title}\n\n${note}${note ? '\n\n' : ''}${table(head, rows)}\n`;
}
const entries = (o: Readonly<Record<string, number>>): (string | number)[][] => Object.entries(o).map(([name, n]) => [`\`${name}\``, n]);
const offsets = (o: Readonly<Record<string, number>>): (string | number)[][] =>
  Object.entries(o).map(([name, n]) => [`\`${name}\``, hex(n)]);

export function referencePage(): string {
  return [
    '# The kernel\'s interface\n\n*Made by `microkernel/testing/abi-page.ts` from the records in `microkernel/abi/`.*\n',
    'One system call. RISC-V code: `ecall` with a7 = 0x4c34, a0 = flags, a1 = selector, a2 = time-out in ns (negative = never), the '
      + 'message in the UTCB; a0 answers the status, a1 the badge. TypeScript: a generator yields the same arguments.',
    'A call that does not answer `ok` has changed nothing that anyone can see, but for the receive half of a call whose send half was '
      + 'done.\n',
    enumeration('Flags of the call', '', ['flag', 'value', 'does', 'answers besides ok'],
      FLAGS.map(([n, v, d, f]) => [`\`${n}\``, v, d, f])),
    enumeration('Statuses',
      'Any operation of an object may answer `badCap`, `badKind`, `badRights`, `badOp`, and `fault` for a thread without a UTCB; the rest '
        + 'is listed with it.',
      ['status', 'value', 'means'], Object.entries(Status).map(([n, v]) => [`\`${n}\``, v, STATUS[n as keyof typeof Status]])),
    '# Operations\n',
    ...Object.entries(Ops).map(([group, ops]) => operations(group, ops)),
    '# Records\n',
    enumeration('Events',
      'Label of the message; the badge is the portal\'s label. Words 0 … 3 are scause, stval, htval, htinst (system calls: only with MTD '
        + '`exit`).',
      ['cause', 'value'], Array.from({ length: CAUSES }, (_, c) => [`\`${causeName(c)}\``, c])),
    enumeration('Replies to events', 'Label of the reply.', ['label', 'value'], entries(Resume)),
    enumeration('State groups (MTD)', '', ['group', 'bit'], entries(Mtd)),
    enumeration('UTCB', '', ['field', 'offset'], offsets(U)),
    enumeration('State area of the UTCB', 'Each slot is 8 bytes; `x` and `f` are 32 of them.', ['register', 'offset'], offsets(S)),
    enumeration('Flags of threads and items', '', ['flag', 'value'], [...entries(ThreadFlag), ...entries(Item)]),
    enumeration('First selectors', 'Of the first task; of every component.', ['selector', 'value'],
      [...entries(Initial), ...entries(Own).map(([n, v]) => [`own ${n}`, v!])]),
    enumeration('Trace records', '', ['kind', 'value'], Object.values(Kind).map(k => [`\`${kindName(k)}\``, k])),
    '# Costs\n',
    enumeration('Cycles', 'Sources and reasons: `microkernel/costs.ts`.', ['step', 'cycles'], entries(COSTS)),
    enumeration('Bytes of kernel memory', '', ['what', 'bytes'], entries(BYTES)),
    `A call between tasks, one way: ${COSTS.entry + COSTS.message + COSTS.spaceSwitch + COSTS.exit + COSTS.registers} cycles between `
      + `RISC-V threads.`
      + '\n',
  ].join('\n');
}
