import { expect, it } from 'vitest';
import { cpuModel } from '../machine/cpu/model.ts';
import { processorOf } from '../system/processor.ts';
import { DEFAULT_ISA } from './options.ts';
import { guestIsa, ramBase, whyNotHere } from './processor.ts';

const processor = (text: string) => processorOf(cpuModel(text));

it('a guest gets what it is offered, less what the machine lacks', () => {
  expect(guestIsa(DEFAULT_ISA, processor('base'))).toBe(DEFAULT_ISA);
  expect(guestIsa(DEFAULT_ISA, { isa: '' })).toBe(DEFAULT_ISA);
  expect(guestIsa(DEFAULT_ISA, processor('base,no-sstc'))).toBe(DEFAULT_ISA.replace('_sstc', ''));
});

it('without the H extension no guest runs, and memory begins behind what the processor keeps to itself', () => {
  expect(whyNotHere(processor('base'))).toBeUndefined();
  expect(whyNotHere(processor('base,no-h'))).toContain('no hypervisor extension');
  expect([ramBase(processor('base')), ramBase(processor('base,kseg0'))]).toEqual([0x8000_0000, 0xa000_0000]);
});
