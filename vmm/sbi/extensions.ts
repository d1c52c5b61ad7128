/** The extensions of a guest, and their selection by a7. */
import { BaseExtension } from './base.ts';
import { DbcnExtension } from './dbcn.ts';
import { HsmExtension } from './hsm.ts';
import { IpiExtension } from './ipi.ts';
import { LegacyExtension } from './legacy.ts';
import type { Portals } from '../portals.ts';
import { PortalsExtension } from './portals.ts';
import { RfenceExtension } from './rfence.ts';
import { type SbiAnswer, type SbiCall, type SbiExtension, notSupported } from './sbi.ts';
import { SrstExtension } from './srst.ts';
import { SuspExtension } from './susp.ts';
import { TimeExtension } from './time.ts';

export class Sbi {
  readonly #byId = new Map<number, SbiExtension>();

  /** `portals`: where the scenario has some. */
  constructor(portals?: Portals) {
    const extensions: SbiExtension[] = [
      new BaseExtension((id) => this.#byId.has(id)),
      new TimeExtension(),
      new IpiExtension(),
      new RfenceExtension(),
      new HsmExtension(),
      new SrstExtension(),
      new SuspExtension(),
      new DbcnExtension(),
      new LegacyExtension(),
      ...(portals ? [new PortalsExtension(portals)] : []),
    ];
    for (const extension of extensions) for (const id of extension.ids) this.#byId.set(id, extension);
  }

  /**
   * An unknown extension (PMU: a vCPU has no counters of its own, STA, …) answers "not supported".
   * @spec sbi 3
   */
  call(c: SbiCall): SbiAnswer { return this.#byId.get(c.extension)?.call(c) ?? notSupported; }
}
