/**
 * The built-in SBI firmware: M mode of a machine that starts a kernel directly.
 *
 *   const firmware = new SbiFirmware(host, console, { sstc: true });
 *   firmware.boot(entry, deviceTree);      // hart 0 enters the kernel: a0 = 0, a1 = device tree
 *
 * The other harts stay stopped until the kernel starts them through HSM.
 */
import type { HartApi } from '../api.ts';
import type { CharBackend } from '../devices/device.ts';
import { setUpHart } from './delegation.ts';
import type { Firmware, FirmwareHost } from './host.ts';
import { BaseExtension } from './sbi/base.ts';
import { DbcnExtension } from './sbi/dbcn.ts';
import { HsmExtension } from './sbi/hsm.ts';
import { IpiExtension } from './sbi/ipi.ts';
import { LAST_LEGACY, LegacyExtension } from './sbi/legacy.ts';
import { PmuExtension } from './sbi/pmu.ts';
import { RfenceExtension } from './sbi/rfence.ts';
import { A0, A1, A6, A7, type SbiExtension, low, notSupported } from './sbi/sbi.ts';
import { SrstExtension } from './sbi/srst.ts';
import { SuspExtension } from './sbi/susp.ts';
import { TimeExtension } from './sbi/time.ts';

export interface FirmwareOptions {
  /** The harts have stimecmp. */
  readonly sstc: boolean;
  /** How many programmable counters the harts have. */
  readonly hpmCounters: number;
}

export class SbiFirmware implements Firmware {
  readonly #host: FirmwareHost;
  readonly #hsm: HsmExtension;
  readonly #extensions = new Map<number, SbiExtension>();

  constructor(host: FirmwareHost, console: CharBackend, options: FirmwareOptions) {
    this.#host = host;
    this.#hsm = new HsmExtension(host);
    const pmu = new PmuExtension(host, options.hpmCounters);
    const time = new TimeExtension(host, pmu, options.sstc);
    const extensions: SbiExtension[] = [
      new BaseExtension((eid) => this.#extensions.has(eid)),
      time,
      new IpiExtension(host, pmu),
      new RfenceExtension(host, pmu),
      this.#hsm,
      new SrstExtension(host),
      new SuspExtension(host, this.#hsm),
      pmu,
      new DbcnExtension(host.memory, console),
      new LegacyExtension(host, console, time),
    ];
    for (const extension of extensions) for (const id of extension.ids) this.#extensions.set(id, extension);
  }

  /** Sets up all harts and starts hart 0 at the kernel's entry; addresses are physical. */
  boot(entry: number, deviceTree: number): void {
    for (const hart of this.#host.harts) {
      setUpHart(hart);
      this.#host.park(hart.id);
    }
    this.#hsm.begin(0, BigInt(entry), BigInt(deviceTree));
  }

  ecall(hart: HartApi): void {
    const eid = low(hart, A7);
    const extension = this.#extensions.get(eid);
    const answer = extension === undefined ? notSupported : extension.call(hart, low(hart, A6), eid);
    if (answer === undefined) return;
    const { error, value } = answer;
    hart.setNum(A0, error);
    if (eid > LAST_LEGACY) hart.x[A1] = BigInt.asIntN(64, BigInt(value));
  }
}
