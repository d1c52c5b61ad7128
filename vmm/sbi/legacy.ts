/** The calls of SBI 0.1: the extension is the function, the answer is a0 alone. @spec sbi 5 (v2.0) */
import { A, SbiError, type SbiAnswer, type SbiCall, type SbiExtension } from './sbi.ts';

const Call = {
  setTimer: 0, putchar: 1, getchar: 2, clearIpi: 3, sendIpi: 4, remoteFenceI: 5, remoteSfence: 6, remoteSfenceAsid: 7, shutdown: 8
} as const;
const done: SbiAnswer = { legacy: 0 };

export class LegacyExtension implements SbiExtension {
  readonly name = 'legacy';
  readonly ids = Object.values(Call);

  call(call: SbiCall): SbiAnswer {
    switch (call.extension) {
      case Call.setTimer: call.setTimer(call.utcb.xBig(A.a0)); return done;
      case Call.putchar: call.machine.console.outputBytes(Uint8Array.of(Number(call.utcb.xBig(A.a0) & 0xffn))); return done;
      case Call.getchar: return { legacy: call.machine.console.next() };
      // The mask is in guest memory at a virtual address; all vCPUs are a superset of any mask.
      case Call.sendIpi: for (const cpu of call.machine.cpus) cpu.raiseSoftware(); return done;
      case Call.remoteFenceI: case Call.remoteSfence: case Call.remoteSfenceAsid: call.wait = 'fence'; return done;
      case Call.shutdown: call.machine.end({ kind: 'powerOff' }); return done;
      default: return { legacy: SbiError.notSupported };
    }
  }
}
