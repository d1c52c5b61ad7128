/**
 * Portals to tasks outside the machine, for kernels: our own extension, in the range reserved for firmware.
 *   0  how many portals there are
 *   1  a0 = portal, a1 = address, a2 = length: sends these bytes; the answer takes their place, a1 = its length
 * @spec sbi 17 (v2.0)
 */
import type { Portals } from '../portals.ts';
import { A, SbiError, type SbiAnswer, type SbiCall, type SbiExtension, answer, invalidParam, notSupported, success, unsigned,
  value } from './sbi.ts';

const failed = answer(SbiError.failed);

export class PortalsExtension implements SbiExtension {
  readonly name = 'portals';
  readonly ids = [0x0a54_4553];
  private readonly portals: Portals;
  constructor(portals: Portals) { this.portals = portals; }

  call(call: SbiCall): SbiAnswer {
    const utcb = call.utcb;
    if (call.fid === 0) return value(this.portals.count);
    if (call.fid !== 1) return notSupported;
    const index = unsigned(utcb, A.a0);
    if (index >= this.portals.count) return invalidParam;
    let isRefused = false;
    // A request that is not refused at once is answered after this returns and before the guest continues.
    this.portals.ring(index, unsigned(utcb, A.a1), unsigned(utcb, A.a2), (status, bytes) => {
      isRefused = status !== 0;
      utcb.setX(A.a0, isRefused ? SbiError.failed : 0);
      utcb.setX(A.a1, bytes);
    });
    return isRefused ? failed : success;
  }
}
