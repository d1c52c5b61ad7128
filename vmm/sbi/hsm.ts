/**
 * Hart state management: starting and stopping vCPUs.
 *
 *   STOPPED ── hart_start ──► STARTED ── hart_stop ──► STOPPED
 *                             STARTED ── hart_suspend, retentive ──► waits for an interrupt, comes back
 *
 * A stopped vCPU is one whose event is not answered; `begin` answers it.
 * @spec sbi 9 (v2.0)
 */
import { A, SbiError, type SbiAnswer, type SbiCall, type SbiExtension, answer, invalidAddress, invalidParam, notSupported, success, unsigned, value } from './sbi.ts';

const State = { started: 0, stopped: 1 } as const;
const RETENTIVE = 0;

export class HsmExtension implements SbiExtension {
  readonly name = 'hsm';
  readonly ids = [0x48_534d]; // "HSM"

  call(c: SbiCall): SbiAnswer {
    const target = c.machine.cpus[unsigned(c.utcb, A.a0)];
    switch (c.fid) {
      case 0:
        if (!target) return invalidParam;
        if (target.started) return answer(SbiError.alreadyAvailable);
        if (!c.machine.ram.contains(unsigned(c.utcb, A.a1), 4)) return invalidAddress;
        target.begin(c.utcb.xBig(A.a1), c.utcb.xBig(A.a2));
        return success;
      case 1: c.wait = 'start'; return success;
      case 2: return target ? value(target.started ? State.started : State.stopped) : invalidParam;
      case 3: return this.#suspend(c);
      default: return notSupported;
    }
  }

  #suspend(c: SbiCall): SbiAnswer {
    if (unsigned(c.utcb, A.a0) !== RETENTIVE) return notSupported;
    c.wait = 'interrupt';
    return success;
  }
}
