/**
 * Hart state management: starting and stopping vCPUs.
 *
 *   STOPPED ── hart_start ──► STARTED ── hart_stop ──► STOPPED
 *                             STARTED ── hart_suspend ──► SUSPENDED ── interrupt ──► STARTED
 *
 * A retentive suspend continues after the call, a non-retentive one restarts at the given address.
 * A stopped vCPU is one whose event is not answered; `begin` answers it.
 * @spec sbi 9 (v2.0)
 */
import {
  A, SbiError, type SbiAnswer, type SbiCall, type SbiExtension, answer, invalidAddress, invalidParam, low, notSupported, success, unsigned,
  value
} from './sbi.ts';

const State = { started: 0, stopped: 1, suspended: 4 } as const;
const Suspend = { retentive: 0, nonRetentive: 0x8000_0000 } as const, FIRST_OF_PLATFORM = 0x1000_0000;

export class HsmExtension implements SbiExtension {
  readonly name = 'hsm';
  readonly ids = [0x48_534d]; // "HSM"

  call(call: SbiCall): SbiAnswer {
    const target = call.machine.cpus[unsigned(call.utcb, A.a0)];
    switch (call.fid) {
      case 0:
        if (!target) return invalidParam;
        if (target.started) return answer(SbiError.alreadyAvailable);
        if (!call.machine.ram.isRam(unsigned(call.utcb, A.a1), 4)) return invalidAddress;
        target.begin(call.utcb.xBig(A.a1), call.utcb.xBig(A.a2));
        return success;
      case 1: call.wait = 'start'; return success;
      case 2: return target ? value(!target.started ? State.stopped : target.suspended ? State.suspended : State.started) : invalidParam;
      case 3: return this.#suspend(call);
      default: return notSupported;
    }
  }

  #suspend(call: SbiCall): SbiAnswer {
    const type = low(call.utcb, A.a0);
    if (type === Suspend.retentive) {
      call.wait = 'interrupt';
      return success;
    }
    if (type !== Suspend.nonRetentive) return type % 2 ** 31 >= FIRST_OF_PLATFORM ? notSupported : invalidParam;
    if (!call.machine.ram.isRam(unsigned(call.utcb, A.a1), 4)) return invalidAddress;
    call.wait = { resume: call.utcb.xBig(A.a1), opaque: call.utcb.xBig(A.a2) };
    return success;
  }
}
