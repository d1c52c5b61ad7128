/** sock_diag, which `ss` uses: the TCP and UDP sockets with their states, addresses and queues. Documentation: sock_diag(7). */
import type { Ip } from '../../../network/address.ts';
import { put16 } from '../../../network/bytes.ts';
import { Af } from '../address.ts';
import type { Inet } from '../inet/inet.ts';
import { NUMBERS } from '../inet/options.ts';
import { join, u32, u8, type Answer, type Request } from './messages.ts';

export const SOCK_DIAG_BY_FAMILY = 20;
const LISTEN = 10, UNCONNECTED = 7, TCP = 6, UDP = 17;

interface Told {
  readonly state: number;
  readonly local: Ip;
  readonly localPort: number;
  readonly remote: Ip;
  readonly remotePort: number;
  readonly received: number;
  readonly unsent: number
}

/** struct inet_diag_msg: family, state, timer, retransmits; struct inet_diag_sockid; expires, queues, user, inode. */
function answer(told: Told): Answer {
  const id = new Uint8Array(48);
  put16(id, 0, told.localPort);
  put16(id, 2, told.remotePort);
  id.set(told.local, 4);
  id.set(told.remote, 20);
  return {
    type: SOCK_DIAG_BY_FAMILY,
    body: join(u8(told.local.length === 4 ? Af.INET : Af.INET6, told.state, 0, 0), id, u32(0, told.received, told.unsent, 0, 0))
  };
}

/** struct inet_diag_req_v2: family, protocol, extensions, pad, states, id. */
export function diagAnswers(inet: Inet, request: Request): readonly Answer[] {
  const [family, protocol] = request.body,
    states = request.body.length >= 8 ? new DataView(request.body.buffer, request.body.byteOffset).getUint32(4, true) : 0,
    length = family === Af.INET ? 4 : 16;
  const all = protocol === TCP ? tcpSockets(inet) : protocol === UDP ? udpSockets(inet) : [];
  return all.filter((s) => s.local.length === length && (states >>> s.state) & 1).map(answer);
}

function tcpSockets({ stack }: Inet): Told[] {
  const none = (ip: Ip): Ip => new Uint8Array(ip.length);
  const listeners = [...stack.tcp.listeners].map((l): Told => ({
    state: LISTEN, local: l.local, localPort: l.port, remote: none(l.local), remotePort: 0, received: l.ready.length, unsent: l.backlog
  }));
  return [
    ...listeners,
    ...[...stack.tcp.connections].map((c): Told => ({
      state: NUMBERS[c.state], ...c.ends, received: c.receiver.queue.length, unsent: c.sender.queue.length
    }))
  ];
}

const udpSockets = ({ stack }: Inet): Told[] => stack.udp.sockets.map((udpSocket) => ({
  state: udpSocket.remote ? 1 : UNCONNECTED, local: udpSocket.local, localPort: udpSocket.port,
    remote: udpSocket.remote?.ip ?? new Uint8Array(udpSocket.local.length),
  remotePort: udpSocket.remote?.port ?? 0,
  received: udpSocket.queue.reduce((n, d) => n + d.payload.length, 0), unsent: 0,
}));
