import { describe, expect, it } from 'vitest';
import { cpuModel } from '../cpu/model.ts';
import { classify, type Classification, type Pair } from './classify.ts';
import { reportOf } from './report.ts';

const FLOATING = 'sstatus.FS';
const holes = (pair: Pair): string[] => pair.exceptions.filter((e) => !e.closed).map((e) => `${e.mode} ${e.name}`).sort();
/** Exceptions that a monitor can close, without those of floating point. */
const closable = (pair: Pair): string[] =>
  pair.exceptions.filter((e) => e.closed && !e.why.includes(FLOATING)).map((e) => `${e.mode} ${e.name}`).sort();
const classesOf = (c: Classification, name: string): readonly string[] => c.things.find((t) => t.name === name)!.classes;

describe('the processor as the manual wants it', () => {
  const base = classify(cpuModel('base')), [user, guest] = base.pairs as [Pair, Pair];

  it.each([
    ['add', ['innocuous']], ['ld', ['innocuous']], ['amoadd.d', ['innocuous']], ['jalr', ['innocuous']], ['fence', ['innocuous']],
    ['cbo.zero', ['innocuous']],
    ['c.lwsp', ['innocuous']], ['fadd.d', ['control-sensitive']], ['fmv.x.d', ['innocuous']], ['wfi', ['privileged', 'control-sensitive']],
    ['sret', ['privileged', 'control-sensitive', 'behaviour-sensitive']], ['sfence.vma', ['privileged', 'control-sensitive']],
    ['ecall', ['always traps']],
    ['hlv.d', ['privileged', 'behaviour-sensitive']], ['csrr sstatus', ['privileged', 'behaviour-sensitive']],
    ['csrw satp', ['privileged', 'control-sensitive']],
    ['csrr cycle', ['behaviour-sensitive']], ['csrr time', ['behaviour-sensitive']], ['csrw mstatus', ['always traps']],
    ['csrr fcsr', ['innocuous']],
  ])('%s is %s', (name, classes) => expect(classesOf(base, name)).toEqual(classes));

  it('lets a guest supervisor run in U mode if counters and floating point are closed', () => {
    expect([user.holds, holes(user), closable(user)]).toEqual(['closed', [], ['U csrr cycle', 'U csrr instret', 'U csrr time']]);
  });

  it('shares scounteren and senvcfg with guests, and only senvcfg can be closed', () => {
    expect([guest.holds, holes(guest)]).toEqual(['no', ['VS csrr scounteren', 'VS csrw scounteren']]);
    expect(closable(guest)).toEqual(expect.arrayContaining(['VS csrr senvcfg', 'VS csrw senvcfg', 'VS csrr time', 'VS wfi']));
    expect(closable(guest).length).toBe(10);
  });

  it('gives a guest\'s supervisor what it gives its own', () => expect(base.things.filter((t) => t.differs)).toEqual([]));

  it('tells it in lines of 100 columns', () => {
    const lines = reportOf(base).split('\n');
    expect(Math.max(...lines.map((l) => l.length))).toBeLessThanOrEqual(100);
    expect(lines.some((l) => l.startsWith('Theorem 1, guest supervisor in U: the theorem holds as long as'))).toBe(true);
  });
});

describe('flaws', () => {
  it('popf is found, in U mode and not in VS mode', () => {
    const { pairs } = classify(cpuModel('base,popf'));
    expect(holes(pairs[0]!)).toEqual(['U csrr sstatus', 'U csrw sstatus']);
    expect(holes(pairs[1]!)).toEqual(['VS csrr scounteren', 'VS csrw scounteren']);
  });

  it('kseg0 makes loads and stores sensitive to their place, and they trap', () => {
    const found = classify(cpuModel('base,kseg0'));
    expect(classesOf(found, 'lw (window)')).toEqual(['privileged', 'behaviour-sensitive']);
    expect(classesOf(found, 'sw (window)')).toEqual(['privileged', 'control-sensitive']);
    expect(classesOf(found, 'ld')).toEqual(['innocuous']);
    expect(holes(found.pairs[0]!)).toEqual([]);
  });

  it('without the H extension there is no guest in VS', () => {
    const found = classify(cpuModel('base,no-h'));
    expect(found.pairs.map((p) => [p.name, p.holds])).toEqual([['guest supervisor in U', 'closed']]);
    expect(found.things.some((t) => t.name === 'hlv.d' || t.name === 'csrr hgatp')).toBe(false);
  });

  it('without translation, too, every instruction is run', () => {
    const found = classify(cpuModel('base,no-mmu'));
    expect([classesOf(found, 'ld'), classesOf(found, 'sret')]).toEqual([
      ['innocuous'], ['privileged', 'control-sensitive', 'behaviour-sensitive']
    ]);
  });
});
