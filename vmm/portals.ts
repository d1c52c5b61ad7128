/**
 * Services for the guest outside its machine: portals that the scenario gave the monitor. A guest calls them through firmware
 * (sbi/portals.ts) or, from a user program, through a doorbell (devices/portals.ts). The monitor copies bytes without interpreting them;
 * each portal permits one operation, which the scenario chooses.
 */
import { IpcFlag, MAX_WORDS, U } from '../microkernel/abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import type { Env } from '../roottask/client/index.ts';
import { getBytes, put } from '../roottask/client/index.ts';
import type { GuestRam } from './ram.ts';
import type { Work } from './work.ts';

/** `cap`: the server; `label`: the operation. A request is a text, an answer is words. */
export interface PortalOption { readonly cap: string; readonly label: number }

/** Bytes of a request at most. */
export const LONGEST_REQUEST = 400;
/** Time-out of an answer, ns. */
const PATIENCE = 1e9;
const CALL = IpcFlag.send | IpcFlag.call | IpcFlag.receive;
/** Results of a request: statuses of kernel and servers (0: success), and these. */
export const Ring = { ok: 0, noPortal: 100, noMemory: 101 } as const;

export class Portals {
  readonly count: number;
  private readonly caps: readonly { readonly selector: number; readonly label: number }[];
  private readonly ram: GuestRam;
  private readonly work: Work;
  constructor(env: Env, ram: GuestRam, work: Work, options: readonly PortalOption[]) {
    this.caps = options.map(({ cap, label }) => ({ selector: env.cap(cap), label }));
    this.count = options.length;
    this.ram = ram;
    this.work = work;
  }

  /**
   * Sends [address, address + length) of the guest's memory through a portal before the guest continues; the answer's words replace the
   * request. `done` gets the status and the answer's length in bytes.
   */
  ring(index: number, address: number, length: number, done: (status: number, bytes: number) => void): void {
    const portal = this.caps[index], { ram } = this;
    if (!portal) return done(Ring.noPortal, 0);
    if (!(length > 0 && length <= LONGEST_REQUEST) || !ram.isRam(address, length)) return done(Ring.noMemory, 0);
    const request = ram.view(address, length);
    this.work.errand(function* (sys: Syscalls) {
      const utcb = sys.utcb;
      put(utcb, portal.label, [], { bytes: request });
      const status = (yield sys.ipc(CALL, portal.selector, PATIENCE, PATIENCE)) || utcb.label,
        bytes = getBytes(utcb, 0, utcb.wordCount * 8);
      utcb.i64.fill(0n, U.words >> 3, (U.words >> 3) + MAX_WORDS);
      if (status === Ring.ok && !ram.isRam(address, bytes.length)) return done(Ring.noMemory, 0);
      if (status === Ring.ok) ram.write(address, bytes);
      done(status, status === Ring.ok ? bytes.length : 0);
    });
  }
}
