/** The general queries: `q…` and `Q…` packets, by name. */
import { visible } from '../../trace/visible.ts';
import { fromHex, hexNumber, PACKET_BYTES, toHex } from './packets.ts';
import type { Target } from './target.ts';

/** What queries use of the stub. */
interface Stub {
  readonly target: Target;
  /** What the client says it can do. */
  client: ReadonlySet<string>;
  /** The thread that general commands are about. */
  readonly general: number;
  acknowledges: boolean;
  monitor(command: string): string;
}
type Query = (stub: Stub, argument: string) => string;

const text = (s: string): string => toHex(new TextEncoder().encode(s));

export const queries: Readonly<Record<string, Query>> = {
  Supported: (stub, argument) => {
    stub.client = new Set(argument.split(';'));
    return `PacketSize=${PACKET_BYTES.toString(16)};QStartNoAckMode+;vContSupported+;qXfer:features:read+;qXfer:threads:read+;swbreak+`
      + ';hwbreak+;ConditionalBreakpoints+'
      + `${stub.target.auxv === undefined ? '' : ';qXfer:auxv:read+'}`;
  },
  Attached: () => '1',
  C: (stub) => `QC${stub.general.toString(16)}`,
  fThreadInfo: (stub) => `m${stub.target.threads().map((t) => t.id.toString(16)).join(',')}`,
  sThreadInfo: () => 'l',
  ThreadExtraInfo: (stub, argument) => {
    const id = Number(hexNumber(argument) ?? 0);
    const thread = stub.target.threads().find((t) => t.id === id);
    return thread === undefined ? 'E22' : text(visible(`${thread.name}, ${thread.state}`));
  },
  Symbol: () => 'OK',
  Xfer: (stub, argument) => transfer(stub, argument),
  Rcmd: (stub, argument) => {
    const command = fromHex(argument);
    if (command === undefined) return 'E22';
    const answer = stub.monitor(Buffer.from(command).toString('utf8'));
    return answer === '' ? 'OK' : text(answer);
  },
  'qemu.PhyMemMode': (stub) => (stub.target.isPhysical ? '1' : '0'),
};

export const settings: Readonly<Record<string, Query>> = {
  StartNoAckMode: (stub) => {
    stub.acknowledges = false;
    return 'OK';
  },
  'qemu.PhyMemMode': (stub, argument) => (/^[01]$/.test(argument) && stub.target.physical(argument === '1') ? 'OK' : 'E22'),
};

/** `features:read:target.xml:0,fff` */
function transfer(stub: Stub, argument: string): string {
  const match = /^(\w+):read:([^:]*):([0-9a-f]{1,8}),([0-9a-f]{1,8})$/i.exec(argument);
  if (match === null) return '';
  const [, object, annex, offset, length] = match;
  const whole = Object.hasOwn(objects, object) ? objects[object]?.(stub, annex) : undefined;
  if (whole === undefined) return object === 'features' ? 'E00' : '';
  const from = parseInt(offset, 16);
  // Escapes may double a packet's length.
  const to = from + Math.min(parseInt(length, 16), PACKET_BYTES >> 1);
  return `${to >= whole.length ? 'l' : 'm'}${whole.slice(from, to)}`;
}

/** What can be read in pieces, by name and annex, one character a byte. */
const objects: Readonly<Record<string, ((stub: Stub, annex: string) => string | undefined) | undefined>> = {
  features: (stub, annex) => (annex === 'target.xml' ? stub.target.description : undefined),
  threads: (stub, annex) => (annex === '' ? threadList(stub) : undefined),
  auxv: (stub, annex) => (annex === '' && stub.target.auxv !== undefined ? Buffer.from(stub.target.auxv).toString('latin1') : undefined),
};

function threadList(stub: Stub): string {
  const plain = (s: string): string => s.replace(/[^ -~]|[<>&"']/g, '_');
  const threads = stub.target.threads().map((t) => `<thread id="${t.id.toString(16)}" name="${plain(t.name)}">${plain(t.state)}</thread>`);
  return `<?xml version="1.0"?>\n<threads>\n${threads.join('\n')}\n</threads>\n`;
}
