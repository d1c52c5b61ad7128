/**
 * An untranslated window: addresses from 0x8000_0000 to 0x9fff_ffff are physical ones to the supervisor of the machine (HS mode),
 * whatever its page tables say. In every other mode an access to them faults, whatever the page tables say: nothing can be put there. A
 * guest's supervisor (in VS or in U mode) that was linked into the window cannot run, because no monitor can give those addresses a
 * meaning. Relinked for other addresses it can.
 *
 * Processors: MIPS R2000 to R10000, whose KSEG0 is the same 512 MiB.
 * Told by: Bugnion, Devine and Rosenblum, "Disco: Running Commodity Operating Systems on Scalable Multiprocessors", SOSP 1997, which
 * relinked IRIX for this reason.
 */
import { lacksTranslation, type Switch } from './switch.ts';

/** First address of the window and the first behind it. */
export const KSEG0 = { start: 0x8000_0000, end: 0xa000_0000 } as const;

/** Is the address hi:lo in the window? */
export const inKseg0 = (lo: number, hi: number): boolean => hi === 0 && lo >>> 29 === KSEG0.start / 2 ** 29;

export const kseg0: Switch = {
  name: 'kseg0',
  says: 'an untranslated window of the supervisor at 0x80000000',
  change: (model) => ({ ...model, kseg0: true }),
  senseless: lacksTranslation,
};
