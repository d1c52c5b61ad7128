/**
 * Floods a host on the network with datagrams that no program there expects.
 *
 * caps: net. args: to (address of the host), port, burst (datagrams at a time), every (ns between bursts), bursts,
 * rest (bursts omitted after each hundred).
 */
import { openNet, valueOf, type Program } from '../roottask/client/index.ts';

const SPELL = 100, ETHERNET = 14, IP = 20, UDP = 8, PAYLOAD = 18, FROM = [10, 0, 0, 66];
interface Args {
  readonly to: readonly number[];
  readonly port: number;
  readonly burst: number;
  readonly every: number;
  readonly bursts: number;
  readonly rest: number;
}

/** A datagram with the broadcast link address and a host's IP address. */
function datagram(from: Uint8Array, { to, port }: Args): Uint8Array {
  const frame = new Uint8Array(ETHERNET + IP + UDP + PAYLOAD), words = new DataView(frame.buffer);
  frame.fill(0xff, 0, 6);
  frame.set(from, 6);
  words.setUint16(12, 0x0800);
  frame.set([0x45, 0, 0, IP + UDP + PAYLOAD, 0, 0, 0, 0, 64, 17], ETHERNET);
  frame.set([...FROM, ...to], ETHERNET + 12);
  let sum = 0;
  for (let at = ETHERNET; at < ETHERNET + IP; at += 2) sum += words.getUint16(at);
  words.setUint16(ETHERNET + 10, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
  words.setUint16(ETHERNET + IP, port);
  words.setUint16(ETHERNET + IP + 2, port);
  words.setUint16(ETHERNET + IP + 4, UDP + PAYLOAD);
  return frame;
}

export const flood: Program = {
  name: 'flood',
  *main(sys, env) {
    const args = env.args as unknown as Args, net = valueOf(yield* openNet(sys, env, 'net'));
    const frames = new Array<Uint8Array>(args.burst).fill(datagram(net.mac, args));
    for (let n = 0, due = sys.now() + args.every; n < args.bursts; n++, due += args.every) {
      if (n % (SPELL + args.rest) < SPELL) valueOf(yield* net.send(sys, frames));
      const left = due - sys.now();
      if (left > 0) yield* sys.receive(0, left);
    }
  },
};
