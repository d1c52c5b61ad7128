/** Timer extension: the same comparator as stimecmp, for guests that do not know Sstc. @spec sbi 6 (v2.0) */
import { A, type SbiAnswer, type SbiCall, type SbiExtension, notSupported, success } from './sbi.ts';

export class TimeExtension implements SbiExtension {
  readonly name = 'time';
  readonly ids = [0x5449_4d45]; // "TIME"

  call(call: SbiCall): SbiAnswer {
    if (call.fid !== 0) return notSupported;
    call.setTimer(call.utcb.xBig(A.a0));
    return success;
  }
}
