/** The calls of SBI 0.1: the extension is the function, the answer is a0 alone. @spec sbi 5 (v2.0) */
import { A, SbiError, type SbiAnswer, type SbiCall, type SbiExtension } from './sbi.ts';

const Call = {
  setTimer: 0, putchar: 1, getchar: 2, clearIpi: 3, sendIpi: 4, remoteFenceI: 5, remoteSfence: 6, remoteSfenceAsid: 7, shutdown: 8
} as const;
const done: SbiAnswer = { legacy: 0 };

export class LegacyExtension implements SbiExtension {
  readonly name = 'legacy';
  readonly ids = Object.values(Call);

  call(c: SbiCall): SbiAnswer {
    switch (c.extension) {
      case Call.setTimer: c.setTimer(c.utcb.xBig(A.a0)); return done;
      case Call.putchar: c.machine.console.outputBytes(Uint8Array.of(Number(c.utcb.xBig(A.a0) & 0xffn))); return done;
      case Call.getchar: return { legacy: c.machine.console.next() };
      // The mask is in guest memory at a virtual address; all vCPUs are a superset of any mask.
      case Call.sendIpi: for (const cpu of c.machine.cpus) cpu.raiseSoftware(); return done;
      case Call.remoteFenceI: case Call.remoteSfence: case Call.remoteSfenceAsid: c.wait = 'fence'; return done;
      case Call.shutdown: c.machine.end({ kind: 'powerOff' }); return done;
      default: return { legacy: SbiError.notSupported };
    }
  }
}
