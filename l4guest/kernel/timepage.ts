/**
 * Time without a system call: the page that every address space shares ([vdso]) has, beside the code that signal handlers return to, a
 * clock_gettime that
 * reads the processor's `time` and what the wall clock is ahead of it.
 *
 *   0x000  sigreturn                         0x100  1: the words below are true
 *   0x040  clock_gettime(clock, timespec)    0x108  ns since 1970 at the start, while the wall clock runs as fast as time does
 *
 * Both clocks tick every 100 ns there. Clocks that it does not know, and a wall clock that is being steered, it asks the server for.
 */
import { Window } from '../../microkernel/abi/index.ts';
import type { Clocks } from './clocks.ts';
import { trampolineCode } from './sigframe.ts';

export const CLOCK_AT = 0x40;
const VALID = 0x100, SIZE = 0x110;
/**
 *   sltiu t0, a0, 2; beqz t0, slow; rdtime t1; li t2, 100; mul t1, t1, t2; bnez a0, split; here: auipc t3, 0; ld t4, 0x100 - here (t3);
 *   beqz t4, slow; ld t4, 0x108 - here (t3); add t1, t1, t4; split: li t2, 10^9; divu t5, t1, t2; remu t6, t1, t2; sd t5, (a1); sd t6,
 * 8(a1);
 *   li a0, 0; ret; slow: li a7, 113; ecall; ret
 */
const clockCode = new Uint32Array([
  0x00253293, 0x04028463, 0xc0102373, 0x06400393, 0x02730333, 0x00051c63, 0x00000e17, 0x0a8e3e83, 0x020e8663, 0x0b0e3e83, 0x01d30333,
  0x3b9ad3b7, 0xa003839b, 0x02735f33, 0x02737fb3, 0x01e5b023, 0x01f5b423, 0x00000513, 0x00008067, 0x07100893, 0x00000073, 0x00008067,
]);

/** Fills the page, and keeps it true. */
export function fillTimePage(page: Window, clocks: Clocks): void {
  Window.copy(page, 0, trampolineCode, 0, trampolineCode.length);
  Window.copy(page, CLOCK_AT, new Uint8Array(clockCode.buffer), 0, clockCode.byteLength);
  const write = (): void => {
    const data = new BigUint64Array([clocks.isSteady ? 1n : 0n, clocks.startNs]), bytes = new Uint8Array(data.buffer);
    Window.copy(page, VALID, bytes, 0, SIZE - VALID);
  };
  clocks.changed = write;
  write();
}
