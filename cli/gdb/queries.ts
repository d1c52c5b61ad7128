/** The general queries: `q…` and `Q…` packets, by name. */
import { visible } from '../../trace/visible.ts';
import { meant, threadId } from './ids.ts';
import { fromHex, PACKET_BYTES, toHex } from './packets.ts';
import type { Target } from './target.ts';

/** The part of the stub that queries use. */
interface Stub {
  readonly target: Target;
  /** What the client says it can do. */
  client: ReadonlySet<string>;
  /** The client names processes. */
  isMany: boolean;
  nameOf(thread: number): string;
  processOf(thread: number): number | undefined;
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
    const more = offers(stub);
    return `PacketSize=${PACKET_BYTES.toString(16)};QStartNoAckMode+;vContSupported+;qXfer:features:read+;qXfer:threads:read+;`
      + `swbreak+;hwbreak+;ConditionalBreakpoints+${more}`;
  },
  Attached: () => '1',
  C: (stub) => `QC${stub.nameOf(stub.general)}`,
  fThreadInfo: (stub) => `m${stub.target.threads().map((t) => stub.nameOf(t.id)).join(',')}`,
  sThreadInfo: () => 'l',
  ThreadExtraInfo: (stub, argument) => {
    const id = threadId(argument), thread = id && meant(id, stub.target.threads())[0];
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

/** Further features, as far as the client knows them: several processes, and events of forks, new programs and vforks. */
function offers(stub: Stub): string {
  const { target, client } = stub, isMany = target.isMany === true && client.has('multiprocess+');
  const wants = (feature: string): boolean => isMany && client.has(`${feature}-events+`);
  stub.isMany = isMany;
  const events = { fork: wants('fork'), vfork: wants('vfork'), exec: wants('exec') };
  target.client?.({ multiprocess: isMany, ...events });
  return [...(isMany ? ['multiprocess+'] : []), ...Object.entries(events).flatMap(([name, wanted]) => (wanted ? [`${name}-events+`] : [])),
    ...(target.auxv === undefined ? [] : ['qXfer:auxv:read+']),
    ...(target.program === undefined ? [] : ['qXfer:exec-file:read+'])].map((feature) => `;${feature}`).join('');
}

/** `features:read:target.xml:0,fff` */
function transfer(stub: Stub, argument: string): string {
  const match = /^([\w-]+):read:([^:]*):([0-9a-f]{1,8}),([0-9a-f]{1,8})$/i.exec(argument);
  if (match === null) return '';
  const [, object, annex, offset, length] = match;
  const offered = ['features', ...(['auxv', 'program'] as const).map((k) => (stub.target[k] ? OBJECTS[k] : ''))];
  const whole = Object.hasOwn(objects, object) ? objects[object]?.(stub, annex) : undefined;
  if (whole === undefined) return offered.includes(object) ? 'E00' : '';
  const from = parseInt(offset, 16);
  // Escapes may double a packet's length.
  const to = from + Math.min(parseInt(length, 16), PACKET_BYTES >> 1);
  return `${to >= whole.length ? 'l' : 'm'}${whole.slice(from, to)}`;
}

/** Features that only some targets have, by name. */
const OBJECTS = { auxv: 'auxv', program: 'exec-file' } as const;

/** Objects that a client reads in pieces, by name and annex, one character a byte. */
const objects: Readonly<Record<string, ((stub: Stub, annex: string) => string | undefined) | undefined>> = {
  features: (stub, annex) => (annex === 'target.xml' ? stub.target.description : undefined),
  threads: (stub, annex) => (annex === '' ? threadList(stub) : undefined),
  'exec-file': (stub, annex) =>
    stub.target.program?.(annex === '' ? stub.processOf(stub.general) ?? 0 : parseInt(annex, 16)),
  auxv: (stub, annex) => {
    const vector = annex === '' ? stub.target.auxv?.(stub.processOf(stub.general) ?? 0) : undefined;
    return vector && Buffer.from(vector).toString('latin1');
  },
};

function threadList(stub: Stub): string {
  const plain = (s: string): string => s.replace(/[^ -~]|[<>&"']/g, '_');
  const threads = stub.target.threads().map((t) => `<thread id="${stub.nameOf(t.id)}" name="${plain(t.name)}">${plain(t.state)}</thread>`);
  return `<?xml version="1.0"?>\n<threads>\n${threads.join('\n')}\n</threads>\n`;
}
