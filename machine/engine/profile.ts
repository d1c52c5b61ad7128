/**
 * An instruction profile. After every period of instructions it charges all of them to the hart's current place: a sample that does not
 * depend on the host, costs nothing inside a slice, and treats all tiers alike. It also charges the host's time.
 *
 *   machine.profiler = new Profiler();  machine.run();  machine.profiler.samples()
 */
import { HS } from './layout.ts';

/** The part of a hart that a sample needs: its block (layout.ts), and the pc as a signed number. */
export interface Profiled { readonly w: Int32Array; readonly pcNum: number }

/** Instructions (and host seconds) charged to one place; `translated`: those that translations executed. */
export interface Sample {
  readonly pc: number;
  readonly priv: number;
  readonly virt: boolean;
  instructions: number;
  translated: number;
  seconds: number
}

/** Instructions between two samples: a prime, so that loops do not run in step with it. */
const PERIOD = 9973;
/** Most places recorded; later ones count for the last. */
const MOST_PLACES = 1 << 20;

const PRIV = HS.PRIV >> 2, VIRT = HS.VIRT >> 2, TRANSLATED = HS.TRANSLATED >> 2;

export class Profiler {
  readonly period = PERIOD;
  private readonly places = new Map<string, Sample>();
  private instructions = 0;
  private translated = 0;
  private seconds = 0;
  private begun = 0;
  private before = 0;

  /** A slice of this hart begins. */
  begin(hart: Profiled): void {
    this.before = translatedBy(hart);
    this.begun = performance.now();
  }

  /** The slice is over, after this many instructions. */
  end(hart: Profiled, instructions: number): void {
    this.seconds += (performance.now() - this.begun) / 1000;
    this.translated += translatedBy(hart) - this.before;
    this.instructions += instructions;
    if (this.instructions >= PERIOD) this.take(hart);
  }

  private take(hart: Profiled): void {
    const sample = this.at(hart.pcNum, hart.w[PRIV]!, hart.w[VIRT] !== 0);
    sample.instructions += this.instructions;
    sample.translated += this.translated;
    sample.seconds += this.seconds;
    this.instructions = this.translated = this.seconds = 0;
  }

  private at(pc: number, priv: number, virt: boolean): Sample {
    const key = this.places.size < MOST_PLACES ? `${pc} ${priv} ${virt}` : 'others';
    let sample = this.places.get(key);
    if (!sample) this.places.set(key, (sample = { pc, priv, virt, instructions: 0, translated: 0, seconds: 0 }));
    return sample;
  }

  samples(): Iterable<Readonly<Sample>> { return this.places.values(); }
}

const translatedBy = (hart: Profiled): number => hart.w[TRANSLATED + 1]! * 2 ** 32 + (hart.w[TRANSLATED]! >>> 0);
