/**
 * Words for the labels of messages: the operations of kernel objects (rows of microkernel/abi) and the requests that roottask and its
 * servers answer. The trace may not import the servers, so this table repeats their numbers; a spec compares the two.
 */
import { Ops, type Operation } from '../microkernel/abi/index.ts';

const PROTOCOL: Record<number, string> = {
  0x1000: 'memory.create', 0x1001: 'memory.quota',
  0x1010: 'dataspace.attach', 0x1011: 'dataspace.free', 0x1012: 'dataspace.address',
  0x1020: 'rom.stat', 0x1021: 'rom.map', 0x1022: 'rom.list',
  0x1030: 'log.line',
  0x1040: 'names.register', 0x1041: 'names.lookup',
  0x1050: 'life.exit', 0x1051: 'life.report', 0x1052: 'life.crash', 0x1053: 'life.trouble',
  0x1060: 'io.device', 0x1061: 'io.map',
  0x1100: 'service.session', 0x1101: 'service.close',
  0x1110: 'stream.open', 0x1111: 'stream.write', 0x1112: 'stream.writeBuffer', 0x1113: 'stream.read', 0x1114: 'stream.size',
  0x1120: 'block.open', 0x1121: 'block.share', 0x1122: 'block.submit', 0x1123: 'block.cancel',
  0x1140: 'files.open', 0x1141: 'files.request',
  0x1130: 'net.open', 0x1131: 'net.send', 0x1132: 'net.receive',
};

const operations = new Map<number, { name: string; row: Operation }>();
for (const [object, rows] of Object.entries(Ops))
  for (const [name, row] of Object.entries(rows as Record<string, Operation>))
    operations.set(row.label, { name: `${object}.${name}`, row });

/** Name of a message label: `task.map`, `rom.stat`, or the number. */
export const labelName = (label: number): string => operations.get(label)?.name ?? PROTOCOL[label] ?? `label 0x${label.toString(16)}`;
/** The description of a kernel object's operation, with its operands; undefined for other labels. */
export const operationOf = (label: number): Operation | undefined => operations.get(label)?.row;
/** All names a label can have, for completion. */
export const labelNames = (): string[] => [...[...operations.values()].map((o) => o.name), ...Object.values(PROTOCOL)];
