/**
 * A TFTP server for a fixed set of files. Blocks have 512 bytes, or the client's size; a lost block is sent again when the client repeats
 * the previous acknowledgement.
 *
 * Documentation: RFC 1350, 2347, 2348.
 */
import { u16 } from '../../../network/bytes.ts';
import { be16, join } from './bytes.ts';

const OP = { READ: 1, WRITE: 2, DATA: 3, ACK: 4, ERROR: 5, OACK: 6 } as const;
const ERROR = { NOT_FOUND: 1, ACCESS: 2, ILLEGAL: 4, UNKNOWN_TRANSFER: 5 } as const;
const BLOCK = { default: 512, least: 8, most: 1428 } as const;
const TRANSFERS_MOST = 64;

/** Files by name, without a leading slash. */
export type Files = ReadonlyMap<string, Uint8Array>;

interface Transfer { readonly bytes: Uint8Array; readonly block: number }

export class TftpServer {
  readonly #files: Files;
  /** By client: address and port. */
  readonly #transfers = new Map<string, Transfer>();

  constructor(files: Files) {
    this.#files = files;
  }

  /** The answer to a datagram of this client; undefined when there is none. */
  answer(client: string, datagram: Uint8Array): Uint8Array | undefined {
    switch (datagram.length >= 4 ? u16(datagram, 0) : 0) {
      case OP.READ: return this.#read(client, datagram.subarray(2));
      case OP.WRITE: return error(ERROR.ACCESS, 'read only');
      case OP.ACK: return this.#acknowledged(client, u16(datagram, 2));
      case OP.ERROR: this.#transfers.delete(client); return undefined;
      default: return error(ERROR.ILLEGAL, 'what is this?');
    }
  }

  /** name, mode, then pairs of option and value, each ended by a zero byte. */
  #read(client: string, request: Uint8Array): Uint8Array {
    const [name = '', mode = '', ...options] = new TextDecoder().decode(request).split('\0');
    const bytes = this.#files.get(name.replace(/^\/+/, ''));
    if (bytes === undefined) return error(ERROR.NOT_FOUND, 'no such file');
    if (mode.toLowerCase() !== 'octet') return error(ERROR.ILLEGAL, 'octet mode only');
    const wanted = Number(options[options.findIndex((o, i) => i % 2 === 0 && o.toLowerCase() === 'blksize') + 1]);
    const agreed = Number.isInteger(wanted) && wanted >= BLOCK.least ? Math.min(wanted, BLOCK.most) : undefined;
    const transfer = { bytes, block: agreed ?? BLOCK.default };
    if (this.#transfers.size >= TRANSFERS_MOST) this.#transfers.delete(this.#transfers.keys().next().value!);
    this.#transfers.set(client, transfer);
    return agreed === undefined ? data(transfer, 1) : join(be16(OP.OACK), new TextEncoder().encode(`blksize\0${agreed}\0`));
  }

  #acknowledged(client: string, number: number): Uint8Array | undefined {
    const transfer = this.#transfers.get(client);
    if (transfer === undefined) return error(ERROR.UNKNOWN_TRANSFER, 'no such transfer');
    if (number * transfer.block <= transfer.bytes.length) return data(transfer, number + 1);
    this.#transfers.delete(client);
    return undefined;
  }
}

/** Blocks count from 1; one that is not full ends the file. Files end at block 65535. */
function data(transfer: Transfer, number: number): Uint8Array {
  return join(be16(OP.DATA), be16(number), transfer.bytes.subarray((number - 1) * transfer.block, number * transfer.block));
}

function error(code: number, text: string): Uint8Array {
  return join(be16(OP.ERROR), be16(code), new TextEncoder().encode(`${text}\0`));
}
