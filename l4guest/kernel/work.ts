/**
 * The server's uncharged work, in cycles of the table of rates. A few central places record it here; the runner charges it when a call or
 * fault ends or sleeps, so that a call causes one charge however much it did.
 */
import { RATES, type Rates } from '../../roottask/client/rates.ts';

export type { Rates };

/**
 * Objects that a process, a thread and an inode with its name consist of; each would be an allocation of its own in a kernel written in C.
 */
export const Parts = { process: 13, thread: 5, inode: 3, socket: 2, signal: 1 } as const;

export class Work {
  /** Cycles noted and not yet charged. */
  owed = 0;
  private readonly rates: Rates;
  constructor(rates: Rates = RATES) { this.rates = rates; }

  /** A call or a fault has arrived. */
  called(): void { this.owed += this.rates.call; }
  /** Bytes were copied, compared or cleared. */
  copied(bytes: number): void { this.owed += bytes * this.rates.byte; }
  /** Names of a path, or open files of a poll, were examined. */
  named(names = 1): void { this.owed += names * this.rates.name; }
  /** Entries of page tables were changed. */
  entered(entries = 1): void { this.owed += entries * this.rates.entry; }
  /** Pages of a file were looked up, or entries of a directory listed. */
  found(items = 1): void { this.owed += items * this.rates.item; }
  /** A page of memory was taken. */
  paged(): void { this.owed += this.rates.page; }
  /** A page of memory was freed, which changes two lists. */
  returned(): void { this.owed += 2 * this.rates.item; }
  /** An area of memory was created (and will be removed). */
  area(): void { this.owed += this.rates.area; }
  /** An operation of an open file or an inode was called. */
  filed(): void { this.owed += this.rates.file; }
  /** The walk of a path began. */
  walked(): void { this.owed += this.rates.walk; }
  /** Objects were created (and will be freed): open files, inodes, sockets, pipes, the parts of processes. */
  made(objects = 1): void { this.owed += objects * this.rates.object; }
  /** A thread that slept was woken. */
  woken(): void { this.owed += this.rates.wake; }
  /** Packets were sent, and will be received. */
  sent(packets = 1): void { this.owed += packets * this.rates.packet; }

  /** Takes the whole cycles owed, up to a bound; the caller charges them now. */
  take(most = Infinity): number {
    const cycles = Math.floor(this.owed < most ? this.owed : most);
    this.owed -= cycles;
    return cycles;
  }
}
