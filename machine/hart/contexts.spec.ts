/** @spec priv 12.2.1, 21.3.2 */
import { describe, expect, it } from 'vitest';
import { TLB_COUNT } from '../engine/layout.ts';
import { Linear } from '../linear.ts';
import { Contexts } from './contexts.ts';
import { GLOBAL, TlbPool } from './tlb-pool.ts';
import { C, SLOTS } from './slots.ts';

function make(): { linear: Linear; contexts: Contexts; csrs: Int32Array; space(root: number, asid?: number): void } {
  const linear = new Linear(1 << 20, 1);
  const contexts = new Contexts(linear, new TlbPool(linear));
  const csrs = new Int32Array(SLOTS);
  const space = (root: number, asid = 0): void => {
    csrs[C.satp] = root;
    csrs[C.satp + 1] = (8 << 28) | (asid << 12);
    contexts.spaceChanged();
  };
  return { linear, contexts, csrs, space };
}

describe('TLB contexts', () => {
  it('every space and mode has its own; coming back finds what was cached', () => {
    const { linear, contexts, csrs, space } = make();
    const page = linear.layout.ram;
    space(1);
    const user = contexts.enter(0, false, csrs);
    contexts.fill(user, 0x5000, 0, page, true, 0, 0);
    expect(contexts.enter(1, false, csrs)).not.toBe(user);
    space(2);
    const other = contexts.enter(0, false, csrs);
    expect(other).not.toBe(user);
    expect(contexts.hit(other, 0x5000, 0, 0)).toBe(0);
    space(1);
    expect(contexts.enter(0, false, csrs)).toBe(user);
    expect(contexts.hit(user, 0x5123, 0, 1)).toBe(page);
  });

  it('what another page pushed out of its entry comes back without a walk, as long as nothing has forbidden it', () => {
    const { linear, contexts, csrs, space } = make();
    const [one, two] = [linear.layout.ram, linear.layout.ram + 4096];
    space(1, 1);
    const context = contexts.enter(0, false, csrs);
    const far = 0x5000 + (16 << 20);
    const both = (): void => {
      contexts.fill(context, 0x5000, 0, one, true, 0, 0);
      contexts.fill(context, far, 0, two, true, 0, 0);
    };
    both();
    expect([contexts.hit(context, 0x5000, 0, 0), contexts.hit(context, far, 0, 0)]).toEqual([0, two]);
    for (const [at, page] of [[0x5000, one], [far, two], [0x5000, one]]) {
      expect(contexts.revive(context, at!, 0, 1)).toBe(page);
      expect(contexts.hit(context, at!, 0, 1)).toBe(page);
    }
    expect([contexts.revive(context, far, 1, 0), contexts.revive(context, far, 0, 2)]).toEqual([0, 0]);
    const forgets: (() => void)[] = [() => contexts.fence(far / 4096, 1), () => contexts.fence(undefined, 1), () => contexts.flushAll()];
    for (const forget of forgets) {
      both();
      contexts.revive(context, 0x5000, 0, 0);
      forget();
      expect(contexts.revive(context, far, 0, 0)).toBe(0);
    }
  });

  it('an empty entry is nobody\'s: not of the first page, not of the last, and not of a victim that may not be written', () => {
    const { linear, contexts, csrs, space } = make();
    space(1);
    const context = contexts.enter(0, false, csrs);
    const none = () => [[0, 0], [4095, 0], [-4096, -1], [-1, -1]].flatMap(([lo, hi]) =>
      [0, 1, 2].map((kind) => contexts.hit(context, lo!, hi!, kind) || contexts.revive(context, lo!, hi!, kind)));
    expect(none().every((page) => page === 0)).toBe(true);
    for (const at of [0x4_0000, 0x4_0000 + (16 << 20)]) contexts.fill(context, at, 0, linear.layout.ram, false, 0, 0);
    expect(none().every((page) => page === 0)).toBe(true);
    expect(contexts.revive(context, 0x4_0000, 0, 0)).toBe(linear.layout.ram);
  });

  it('a page that gets decoded code loses its write tag there too', () => {
    const linear = new Linear(1 << 20, 1), pool = new TlbPool(linear), contexts = new Contexts(linear, pool);
    const context = contexts.enter(0, false, new Int32Array(SLOTS));
    contexts.fill(context, 0x5000, 0, linear.layout.ram, true, 0, 0);
    contexts.fill(context, 0x5000 + (16 << 20), 0, linear.layout.ram + 4096, true, 0, 0);
    pool.forbidWrites(linear.layout.ram);
    expect([contexts.revive(context, 0x5000, 0, 1), contexts.revive(context, 0x5000, 0, 0)]).toEqual([0, linear.layout.ram]);
  });

  it('fences forget a page, an address space, or all', () => {
    const { linear, contexts, csrs, space } = make();
    const page = linear.layout.ram;
    const fillBoth = () => [1, 2].map((asid) => {
      space(asid, asid);
      const context = contexts.enter(0, false, csrs);
      for (const at of [0x5000, 0x6000]) contexts.fill(context, at, 0, page, false, 0, 0);
      return context;
    });
    const [first, second] = fillBoth();
    contexts.fence(5, 1);
    expect([contexts.hit(first, 0x5000, 0, 0), contexts.hit(first, 0x6000, 0, 0), contexts.hit(second, 0x5000, 0, 0)])
      .toEqual([0, page, page]);
    contexts.fence(undefined, 2);
    expect([contexts.hit(first, 0x6000, 0, 0), contexts.hit(second, 0x6000, 0, 0)]).toEqual([page, 0]);
    fillBoth();
    contexts.fence(undefined, undefined);
    expect([contexts.hit(first, 0x6000, 0, 0), contexts.hit(second, 0x6000, 0, 0)]).toEqual([0, 0]);
  });

  it('a fence for any address of a superpage forgets all parts of it', () => {
    const { linear, contexts, csrs, space } = make();
    space(1);
    const context = contexts.enter(1, false, csrs);
    const base = -0x4000_0000; // 2 MiB aligned, sign extended
    for (const i of [0, 3, 511]) contexts.fill(context, base + i * 4096, -1, linear.layout.ram, false, 0, 9);
    contexts.fill(context, 0x1000, 0, linear.layout.ram, false, 0, 0);
    contexts.fence(base / 4096 + 100, undefined);
    expect([0, 3, 511].map((i) => contexts.hit(context, base + i * 4096, -1, 0))).toEqual([0, 0, 0]);
    expect(contexts.hit(context, 0x1000, 0, 0)).toBe(linear.layout.ram);
  });

  it('a pool that is used up takes the TLB that was entered longest ago', () => {
    const { linear, contexts, csrs, space } = make();
    space(1);
    const first = contexts.enter(0, false, csrs);
    contexts.fill(first, 0x5000, 0, linear.layout.ram, false, 0, 0);
    for (let root = 2; root <= TLB_COUNT; root++) { space(root); contexts.enter(0, false, csrs); }
    space(1000);
    const late = contexts.enter(0, false, csrs);
    expect(late.tlb).toBe(first.tlb);
    expect(contexts.hit(late, 0x5000, 0, 0)).toBe(0);
  });

  it('writes to a page can be forbidden in every TLB', () => {
    const { linear, contexts, csrs, space } = make();
    const pool = new TlbPool(linear);
    const own = new Contexts(linear, pool);
    space(1);
    const context = own.enter(0, false, csrs);
    own.fill(context, 0, 0, linear.layout.ram, true, 0, 0);
    own.fill(context, 0x1000, 0, linear.layout.ram + 4096, true, 0, 0);
    pool.forbidWrites(linear.layout.ram);
    expect([own.hit(context, 0, 0, 1), own.hit(context, 0, 0, 0), own.hit(context, 0x1000, 0, 1)])
      .toEqual([0, linear.layout.ram, linear.layout.ram + 4096]);
    expect(contexts.current).toBeUndefined();
  });

  it('what is global is there from the start in a new space of the same kind, and outlives a fence of one address space', () => {
    const { linear, contexts, csrs, space } = make();
    const page = linear.layout.ram;
    space(1, 1);
    const first = contexts.enter(1, false, csrs);
    contexts.fill(first, 0x5000, -1, page, true, 0, 9 | GLOBAL);
    contexts.fill(first, 0x6000, -1, page + 4096, false, 0, 0);
    space(2, 2);
    const second = contexts.enter(1, false, csrs);
    expect([
      contexts.hit(second, 0x5000, -1, 0), contexts.hit(second, 0x5000, -1, 1), contexts.hit(second, 0x6000, -1, 0)
    ]).toEqual([page, page, 0]);
    expect(contexts.hit(contexts.enter(0, false, csrs), 0x5000, -1, 0)).toBe(0); // another mode
    contexts.fence(undefined, 1);
    expect([contexts.hit(first, 0x5000, -1, 0), contexts.hit(first, 0x6000, -1, 0)]).toEqual([page, 0]);
    contexts.fence(-0x10_0000 + 7, undefined); // another address in the superpage
    expect([contexts.hit(first, 0x5000, -1, 0), contexts.hit(second, 0x5000, -1, 0)]).toEqual([0, 0]);
  });

  it('nothing global goes to a space without translation, or to another virtual machine', () => {
    const { linear, contexts, csrs, space } = make();
    const page = linear.layout.ram;
    space(1);
    contexts.fill(contexts.enter(1, false, csrs), 0x5000, 0, page, true, 0, GLOBAL);
    csrs[C.satp + 1] = 0;
    contexts.spaceChanged();
    expect(contexts.hit(contexts.enter(1, false, csrs), 0x5000, 0, 0)).toBe(0);
    const guest = (vmid: number): number => {
      csrs[C.hgatp] = 100 + vmid;
      csrs[C.hgatp + 1] = (8 << 28) | (vmid << 12);
      csrs[C.vsatp] = 7;
      csrs[C.vsatp + 1] = 8 << 28;
      contexts.spaceChanged();
      return contexts.hit(contexts.enter(1, true, csrs), 0x5000, 0, 0);
    };
    expect(guest(1)).toBe(0);
    contexts.fill(contexts.enter(1, true, csrs), 0x5000, 0, page, true, 0, GLOBAL);
    expect([guest(1), guest(2)]).toEqual([page, 0]);
  });

  it('many global translations survive a fence of one address space that scans', () => {
    const { linear, contexts, csrs, space } = make();
    space(1, 1);
    const context = contexts.enter(1, false, csrs);
    for (let i = 0; i < 3000; i++) contexts.fill(context, i * 4096, 0, linear.layout.ram, false, 0, i % 2 === 0 ? GLOBAL : 0);
    contexts.fence(undefined, 1);
    expect([0, 1, 2000, 2001].map((i) => contexts.hit(context, i * 4096, 0, 0))).toEqual([linear.layout.ram, 0, linear.layout.ram, 0]);
    contexts.fence(undefined, undefined);
    expect(contexts.hit(context, 0, 0, 0)).toBe(0);
  });
});
