/**
 * Requests to roottask and to the servers it starts. Each row is one message: label, words in, words out. A reply's label is a
 * status (0 = done). Text travels packed in the words after the numbers, its length in bytes as the last number (`text`).
 * The labels do not overlap with those of kernel objects, so a label alone names the request in a trace.
 */
import type { Operation } from '../../microkernel/abi/index.ts';

const row = (label: number, input: string, output: string, doc: string): Operation => ({
  label, in: input ? input.split(' ') : [], out: output ? output.split(' ') : [], doc
});

export const Protocol = {
  memory: {
    create: row(0x1000, 'size align selector flags', 'skew',
      'A zeroed dataspace of contiguous frames; its capability goes to `selector`. flags 1: for DMA (the address may be asked). skew: the '
        + 'frames\' address modulo 1 GiB.'),
    quota: row(0x1001, '', 'limit used', 'Bytes this client may have, and has.'),
  },
  dataspace: {
    attach: row(0x1010, 'va offset size rights', 'mapped',
      'Maps [offset, offset+size) at va in the caller, up to 16 flexpages a call; asks again for the rest.'),
    free: row(0x1011, '', '', 'Gives the frames back; every mapping of them ends.'),
    address: row(0x1012, '', 'base', 'Physical address, for DMA dataspaces.'),
  },
  rom: {
    stat: row(0x1020, 'text', 'size skew id', 'A boot module by name: bytes, offset of its first byte in a 2 MiB page, number.'),
    map: row(0x1021, 'id va offset', 'mapped', 'Maps it read-only at va, in place.'),
    list: row(0x1022, 'index', 'text', 'Name of the module number `index` of those this client may open; noSuch ends the list.'),
  },
  log: { line: row(0x1030, 'text', '', 'One line (or part of one) for the log; the sender\'s name is put before each line.') },
  names: {
    register: row(0x1040, 'text', '', 'Announces a service: the portal travels beside, as an item.'),
    lookup: row(0x1041, 'selector text', '', 'The capability of this name in the caller\'s own namespace.'),
  },
  life: {
    exit: row(0x1050, 'status text', '', 'The component ends. Never answered.'),
    report: row(0x1051, 'text', '', 'A word about the component\'s state, for the table at the end of a scenario.'),
    crash: row(0x1052, 'status text', '', 'The component has failed; the text says why. Never answered.'),
    trouble: row(0x1053, 'text', '',
      'What the component looks after has failed and stands still, the component itself goes on: the host may look at it now.'),
  },
  io: {
    device: row(0x1060, 'index text', 'size irq skew',
      'Device number `index` of those whose name or compatible string is `text`: window size, interrupt line.'),
    map: row(0x1061, 'va selector', '', 'Maps the window of the device asked for last at va, and its interrupt semaphore to `selector`.'),
  },
  /** Every server answers this on its registered portal; the loader calls it for a client. */
  service: {
    session: row(0x1100, 'text', 'session', 'Opens a session for the client named `text`; its capability comes as an item.'),
    close: row(0x1101, 'session', '', 'The client is gone.'),
  },
  /** A byte stream: UART, virtio console, a terminal of the multiplexer. */
  stream: {
    open: row(0x1110, 'selector', '',
      'The caller\'s buffer (128 KiB: first half output, second input) comes as an item; the input semaphore goes to `selector`.'),
    write: row(0x1111, 'text', '', 'A few bytes, in the words.'),
    writeBuffer: row(0x1112, 'length', '', 'The first `length` bytes of the buffer.'),
    read: row(0x1113, 'max', 'length ended',
      'Up to `max` bytes that wait, into the second half of the buffer; never blocks. ended = 1: no more will come.'),
    size: row(0x1114, '', 'columns rows', 'Of the window; 0 0 when it has none.'),
  },
  block: {
    open: row(0x1120, 'selector', 'sectors flags',
      'The area of requests (256 KiB, client/block.ts) comes as an item; the semaphore of completions goes to `selector`. flags 1: '
        + 'read-only.'),
    share: row(0x1121, 'address size', '',
      'Memory for requests comes as items, each at its address modulo 1 GiB: [address, address+size) of the caller, within one GiB.'),
    submit: row(0x1122, 'era slots', '',
      'New requests are in these slots of the area (further words). Ignored when the era is not the last cancel\'s (0 at first).'),
    cancel: row(0x1123, 'era', '',
      'Cancels all requests and begins another era: after the answer no memory of theirs is reached.'),
  },
  /** A host folder: 9P2000.L messages (`ninep/`), one at a time. One session is one connection. */
  files: {
    open: row(0x1140, '', '', 'The caller\'s buffer (256 KiB: first half requests, second answers) comes as an item.'),
    request: row(0x1141, 'length', 'length',
      'The message in the first `length` bytes of the buffer; its answer is in the second half when this returns.'),
  },
  /** An Ethernet port: of a network card, or of a switch. The buffer contains frames one after another, each after its length (u16). */
  net: {
    open: row(0x1130, 'selector', 'mac',
      'The caller\'s buffer (128 KiB: first half out, second in) comes as an item; the semaphore of arrivals goes to `selector`. mac: the '
        + 'caller\'s address, 48 bits.'),
    send: row(0x1131, 'length', '', 'The frames in the first `length` bytes of the buffer.'),
    receive: row(0x1132, '', 'length', 'The frames that wait, as many as fit, into the second half of the buffer; never blocks.'),
  },
} as const;

export const STREAM_HALF = 0x10000;
export const STREAM_ORDER = 17;
/** Windows into which a disk driver maps its clients' memory. */
export const BLOCK_WINDOW_ORDER = 30;
export const NET_HALF = 0x10000;
export const NET_ORDER = 17;
/** Bytes of an Ethernet frame: header, 1500 bytes of payload, one VLAN tag. */
export const FRAME_MOST = 1518, FRAME_LEAST = 14;
/** Half of a files session's buffer: the largest message, which a client offers as msize. */
export const FILES_HALF = 0x20000;
export const FILES_ORDER = 18;
export const SECTOR = 512;
/** Flags of memory.create. */
export const MemoryFlag = { dma: 1 } as const;
