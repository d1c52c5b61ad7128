import { describe, expect, it } from 'vitest';
import { QEMU_DIFFERENCES } from './hypervisor-qemu.ts';
import { hasQemu, ours, parse, qemu, qemuVersion, unexplained } from './hypervisor.ts';

describe('the hypervisor suite', () => {
  const interpreted = ours('interp');

  it('passes whole in the interpreter, with every transformed instruction shown', () => {
    expect(interpreted.failed).toEqual([]);
    expect(interpreted.skipped).toEqual([]);
    expect(interpreted.complete).toBe(true);
    expect(interpreted.passed.length).toBeGreaterThan(5000);
    expect(interpreted.text).toContain('# transformed instructions given as zero: 0');
  });

  it('prints the same in the translator', () => expect(ours('jit').text).toBe(interpreted.text));

  it.each([
    'rv64gch', 'rv64gch_sstc_svadu_svpbmt_smstateen', 'rv64imach_zicsr_zifencei_xstrictalign'
  ])('passes on %s, where extensions are missing',
    (isa) => {
    const outcome = ours('interp', isa);
    expect(outcome.failed).toEqual([]);
    expect(outcome.complete).toBe(true);
    expect(outcome.skipped.length).toBeGreaterThan(0);
  });

  it.skipIf(!hasQemu()
    || !qemuVersion().startsWith('7.2'))('differs on QEMU 7.2 just where QEMU is known to be wrong (skipped: no QEMU 7.2)',
    () => {
    const outcome = qemu();
    expect(outcome.complete).toBe(true);
    expect(unexplained(outcome)).toEqual([]);
    expect(QEMU_DIFFERENCES.filter((d) => !outcome.failed.some((title) => d.cases.test(title)))).toEqual([]);
  });

  it('knows an output that breaks off', () => {
    expect(parse('ok 1 - a: b\nok 2 - a: c\n').complete).toBe(false);
    expect(parse('ok 1 - a: b\nnot ok 2 - a: c\n1..2\n')).toMatchObject({ complete: true, passed: ['a: b'], failed: ['a: c'] });
    expect(parse('ok 1 - a: b\nok 3 - a: c\n1..2\n').complete).toBe(false);
  });
});
