/** Debug console: strings instead of characters. @spec sbi 12 (v2.0) */
import { A, type SbiAnswer, type SbiCall, type SbiExtension, invalidParam, notSupported, success, unsigned, value } from './sbi.ts';

/** Most bytes that a call moves: the specification lets a console take less than offered. */
const MOST = 0x1000;

export class DbcnExtension implements SbiExtension {
  readonly name = 'dbcn';
  readonly ids = [0x4442_434e]; // "DBCN"

  call(call: SbiCall): SbiAnswer {
    const { ram, console } = call.machine, utcb = call.utcb;
    if (call.fid === 2) {
      console.outputBytes(Uint8Array.of(Number(utcb.xBig(A.a0) & 0xffn)));
      return success;
    }
    if (call.fid > 2) return notSupported;
    const length = Math.min(MOST, unsigned(utcb, A.a0)), address = unsigned(utcb, A.a1);
    if (utcb.xBig(A.a2) !== 0n || !ram.isRam(address, length)) return invalidParam;
    if (call.fid === 0) {
      console.outputBytes(ram.view(address, length));
      return value(length);
    }
    const bytes = console.take(length);
    ram.write(address, bytes);
    return value(bytes.length);
  }
}
