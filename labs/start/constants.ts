/**
 * The names of the kernel's ABI for programs in assembly: labels of operations, flags, statuses, places in the UTCB and in the
 * information page.
 */
import { Cause, IPC, IpcFlag, ITEM_BYTES, Mtd, Ops, Own, Resume, S, Status, U } from '../../microkernel/abi/index.ts';
import { Protocol } from '../../roottask/client/protocol.ts';

const upper = (name: string): string => name.replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase();
const group = (prefix: string, of: Readonly<Record<string, number>>): [string, number][] =>
  Object.entries(of).map(([n, v]) => [`${prefix}_${upper(n)}`, v]);

/** Name and value. */
export const names = (): [string, number][] => [
  ['IPC', IPC], ['ITEM_BYTES', ITEM_BYTES], ...group('IPC', IpcFlag), ...group('ST', Status), ...group('CAUSE', Cause),
  ...group('RESUME', Resume), ...group('MTD', Mtd), ...group('OWN', Own),
  ...group('U', U), ...group('S', S),
  ...Object.entries(Ops).flatMap(([object, table]) =>
    group(upper(object), Object.fromEntries(Object.entries(table).map(([n, o]) => [n, o.label])))),
  ...group('LOG', { line: Protocol.log.line.label }),
  ...group('LIFE', { exit: Protocol.life.exit.label, report: Protocol.life.report.label }),
  ...group('NAMES', { register: Protocol.names.register.label }),
  ...group('SERVICE', { session: Protocol.service.session.label, close: Protocol.service.close.label }),
  ...group('INFO', { utcb: 0x20, heap: 0x28, heapBytes: 0x30, capCount: 0x38, caps: 0x40, args: 0x800 }),
];

/** As `.equ` lines. */
export const constants = (): string => names().map(([n, v]) => `.equ ${n}, ${v}`).join('\n');
