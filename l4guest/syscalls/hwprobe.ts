/** riscv_hwprobe: what the processor can do, as pairs of i64 key and u64 value; or which processors can do that. */
import { E } from '../abi/errno.ts';
import { isBits } from '../abi/hwprobe.ts';
import type { Thread } from '../kernel/thread.ts';
import { copyIn, copyOut, getBig, getI64, setBig, setI64 } from '../mm/uaccess.ts';

const WHICH_CPUS = 1, PAIR = 16;
/** Bytes of a set of processors that are looked at; the only processor is the first bit. */
const SET = 8;

export function hwprobe(thread: Thread, pairs: number, count: number, size: number, set: number, flags: number): number {
  if (flags & WHICH_CPUS) return whichCpus(thread, pairs, count, size, set, flags);
  if (flags !== 0) return -E.INVAL;
  if ((size !== 0 || set !== 0) && !((cpusIn(thread, size, set)[0] ?? 0) & 1)) return -E.INVAL;
  forEachPair(count, (i) => {
    const at = pairs + i * PAIR, key = getI64(thread.mm, at), value = thread.k.hardware[key];
    setI64(thread.mm, at, value === undefined ? -1 : key);
    setBig(thread.mm, at + 8, value ?? 0n);
  });
  return 0;
}

/** The set keeps the processors of which all pairs are true; an empty set stands for all processors. */
function whichCpus(thread: Thread, pairs: number, count: number, size: number, set: number, flags: number): number {
  if (flags !== WHICH_CPUS || size === 0 || set === 0) return -E.INVAL;
  const asked = cpusIn(thread, size, set);
  let is = asked.every((byte) => byte === 0) || (asked[0]! & 1) !== 0;
  forEachPair(count, (i) => {
    const at = pairs + i * PAIR, key = getI64(thread.mm, at), wanted = getBig(thread.mm, at + 8), value = thread.k.hardware[key];
    if (value === undefined) {
      setI64(thread.mm, at, -1);
      setBig(thread.mm, at + 8, 0n);
    }
    is &&= value !== undefined && (isBits(key) ? (value & wanted) === wanted : value === wanted);
  });
  const out = new Uint8Array(asked.length);
  out[0] = is ? 1 : 0;
  copyOut(thread.mm, set, out);
  return 0;
}

const cpusIn = (thread: Thread, size: number, set: number): Uint8Array => copyIn(thread.mm, set, size < 0 ? SET : Math.min(size, SET));

/** A count with the top bit set is a large one: it ends at the first bad address. */
function forEachPair(count: number, visit: (i: number) => void): void {
  for (let i = 0; i < count || count < 0; i++) visit(i);
}
