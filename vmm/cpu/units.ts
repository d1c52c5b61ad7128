/** The units that the guest's mode and registers enable, for the thread that runs its code: disabled units trap. */
import { Mtd, S, type Utcb } from '../../microkernel/abi/index.ts';
import type { Supervisor } from './supervisor.ts';

/** The guest's firmware decides about cache-block instructions of its kernel, and allows them; all counters too. */
const KERNEL_ENVCFG = 0xf0n, COUNTERS = 7n;

export class Units {
  /** The units that the thread has now. */
  #float: boolean | undefined;
  #senvcfg = 0n;
  #scounteren = 0n;

  /** Returns the group to send back, where the thread's units differ. */
  update(supervisor: Supervisor, utcb: Utcb): number {
    const { float } = supervisor, senvcfg = supervisor.privileged ? KERNEL_ENVCFG : supervisor.senvcfg,
      scounteren = supervisor.privileged ? COUNTERS : supervisor.scounteren & COUNTERS;
    if (float === this.#float && senvcfg === this.#senvcfg && scounteren === this.#scounteren) return 0;
    this.#float = float;
    this.#senvcfg = senvcfg;
    this.#scounteren = scounteren;
    utcb.setNum(S.fs, float ? 1 : 0);
    utcb.setBig(S.senvcfg, senvcfg);
    utcb.setBig(S.scounteren, scounteren);
    return Mtd.units;
  }
}
