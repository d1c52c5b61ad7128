/**
 * A DHCP server for one small network: a client gets the next free address, and the same card always gets the same one.
 *
 *   op, htype, hlen, hops u8 │ xid u32 │ secs, flags u16 │ ciaddr, yiaddr, siaddr, giaddr │ chaddr 16 │ sname 64 │ file 128 │ cookie │
 *   options
 *
 * Documentation: RFC 2131, 2132.
 */
import { same, u16 } from '../../../network/bytes.ts';
import { be32, join } from './bytes.ts';

const FIXED_BYTES = 240;
const COOKIE = [0x63, 0x82, 0x53, 0x63] as const;
const AT = { XID: 4, FLAGS: 10, CIADDR: 12, CHADDR: 28, COOKIE: 236 } as const;
const OPTION = { PAD: 0, MASK: 1, ROUTER: 3, DNS: 6, REQUESTED: 50, LEASE: 51, TYPE: 53, SERVER: 54, END: 255 } as const;
const TYPE = { DISCOVER: 1, OFFER: 2, REQUEST: 3, ACK: 5, NAK: 6, INFORM: 8 } as const;
const LEASE_SECONDS = 86_400;
/** Hosts 15 … 254 of the network. */
const FIRST_HOST = 15, HOSTS = 240;

export class DhcpServer {
  readonly #self: Uint8Array;
  readonly #nameServer: Uint8Array | undefined;
  readonly #leases = new Map<string, number>();

  /** `self`: the server's address, in whose /24 the leases lie; `nameServer`: announced to clients, if there is one. */
  constructor(self: Uint8Array, nameServer?: Uint8Array) {
    this.#self = self;
    this.#nameServer = nameServer;
  }

  /** The answer to a message from a client, or undefined when there is none. */
  answer(message: Uint8Array): Uint8Array | undefined {
    if (message.length < FIXED_BYTES || message[0] !== 1 || !same(message.subarray(AT.COOKIE, FIXED_BYTES), Uint8Array.from(COOKIE)))
      return undefined;
    const options = readOptions(message.subarray(FIXED_BYTES));
    const chosen = options.get(OPTION.SERVER);
    if (chosen !== undefined && !same(chosen, this.#self)) return undefined;
    const type = options.get(OPTION.TYPE)?.[0];
    if (type === TYPE.INFORM) return this.#reply(message, TYPE.ACK, new Uint8Array(4));
    const address = this.#addressOf(message.subarray(AT.CHADDR, AT.CHADDR + 6));
    if (address === undefined) return undefined;
    if (type === TYPE.DISCOVER) return this.#reply(message, TYPE.OFFER, address);
    if (type !== TYPE.REQUEST) return undefined;
    const wanted = options.get(OPTION.REQUESTED) ?? message.subarray(AT.CIADDR, AT.CIADDR + 4);
    return same(wanted, address) ? this.#reply(message, TYPE.ACK, address) : this.#reply(message, TYPE.NAK, new Uint8Array(4));
  }

  #addressOf(mac: Uint8Array): Uint8Array | undefined {
    const key = mac.join();
    const host = this.#leases.get(key) ?? this.#leases.size;
    if (host >= HOSTS) return undefined;
    this.#leases.set(key, host);
    return Uint8Array.of(...this.#self.subarray(0, 3), FIRST_HOST + host);
  }

  #reply(request: Uint8Array, type: number, address: Uint8Array): Uint8Array {
    const fixed = new Uint8Array(FIXED_BYTES);
    fixed.set([2, 1, 6, 0]);
    fixed.set(request.subarray(AT.XID, AT.XID + 4), AT.XID);
    fixed.set(request.subarray(AT.FLAGS, AT.FLAGS + 2), AT.FLAGS);
    if (type !== TYPE.NAK) fixed.set([...address, ...this.#self], 16);
    fixed.set(request.subarray(AT.CHADDR, AT.CHADDR + 16), AT.CHADDR);
    fixed.set(COOKIE, AT.COOKIE);
    const names = this.#nameServer ? [OPTION.DNS, 4, ...this.#nameServer] : [];
    const terms = [...names, OPTION.MASK, 4, 255, 255, 255, 0, OPTION.ROUTER, 4, ...this.#self, OPTION.LEASE, 4, ...be32(LEASE_SECONDS)];
    return join(fixed, [OPTION.TYPE, 1, type, OPTION.SERVER, 4, ...this.#self], type === TYPE.NAK ? [] : terms, [OPTION.END]);
  }
}

/** Does the client want its answer by broadcast? A client without an address needs that. */
export function clientAddress(message: Uint8Array): Uint8Array | undefined {
  const address = message.subarray(AT.CIADDR, AT.CIADDR + 4);
  return (u16(message, AT.FLAGS) & 0x8000) !== 0 || address.every((b) => b === 0) ? undefined : address;
}

function readOptions(bytes: Uint8Array): Map<number, Uint8Array> {
  const options = new Map<number, Uint8Array>();
  for (let at = 0; at < bytes.length && bytes[at] !== OPTION.END; ) {
    if (bytes[at] === OPTION.PAD) {
      at++;
      continue;
    }
    const end = at + 2 + (bytes[at + 1] ?? 0);
    if (end > bytes.length) break;
    options.set(bytes[at], bytes.subarray(at + 2, end));
    at = end;
  }
  return options;
}
