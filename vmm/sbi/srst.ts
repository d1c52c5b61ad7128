/** System reset: power-off and reboot, with success or failure. @spec sbi 10 (v2.0) */
import { A, type SbiAnswer, type SbiCall, type SbiExtension, invalidParam, low, notSupported, success } from './sbi.ts';

const Type = { shutdown: 0, coldReboot: 1, warmReboot: 2 } as const;
const FAILURE = 1;

export class SrstExtension implements SbiExtension {
  readonly name = 'srst';
  readonly ids = [0x5352_5354]; // "SRST"

  call(call: SbiCall): SbiAnswer {
    if (call.fid !== 0) return notSupported;
    const type = low(call.utcb, A.a0), reason = low(call.utcb, A.a1);
    if (type > Type.warmReboot || reason > FAILURE) return invalidParam;
    if (reason === FAILURE) call.machine.end({ kind: 'failure', code: 1 });
    else call.machine.end({ kind: type === Type.shutdown ? 'powerOff' : 'reboot' });
    return success;
  }
}
