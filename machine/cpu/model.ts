/** Processor models by name: `base`, then switches with commas between them. */
import { exit } from './exit.ts';
import { geilen } from './geilen.ts';
import { kseg0 } from './kseg0.ts';
import { noAsid } from './no-asid.ts';
import { noH } from './no-h.ts';
import { noHlv } from './no-hlv.ts';
import { noHtinst } from './no-htinst.ts';
import { noMmu } from './no-mmu.ts';
import { noSstc } from './no-sstc.ts';
import { noVmid } from './no-vmid.ts';
import { popf } from './popf.ts';
import { BASE, type CpuModel, type Switch } from './switch.ts';

export const switches: readonly Switch[] = [noH, noVmid, noAsid, noSstc, noHtinst, noHlv, popf, kseg0, noMmu, exit, geilen];

/** The text names no processor; the message tells the user why. */
export class CpuError extends Error {}

/** `no-h`, `exit=CYCLES`: as a user writes it. */
export const usage = (s: Switch): string => (s.value ? `${s.name}=${s.value.name}` : s.name);

/** @throws CpuError */
export function cpuModel(text: string): CpuModel {
  const [first, ...words] = text.split(',');
  if (first !== BASE.text) throw new CpuError(`'${text}' does not begin with base, such as base,no-h`);
  const set = words.map(readSwitch);
  const twice = set.find(({ of }, i) => set.findIndex((other) => other.of === of) < i);
  if (twice) throw new CpuError(`'${text}' has ${twice.of.name} twice`);
  const model = set.reduce((m, { of, value }) => of.change(m, value), { ...BASE, text });
  for (const { of } of set) {
    const why = of.senseless?.(model);
    if (why) throw new CpuError(`'${text}' makes no sense: ${why}, so ${of.name} has nothing to change`);
  }
  return model;
}

function readSwitch(word: string): { of: Switch; value: number } {
  const [name, value, ...more] = word.split('=');
  const of = switches.find((s) => s.name === name);
  if (!of) throw new CpuError(`there is no switch '${word}'; there are ${switches.map(usage).join(', ')}`);
  if (!of.value) {
    if (value !== undefined) throw new CpuError(`${of.name} takes no value`);
    return { of, value: 0 };
  }
  const { least, most } = of.value, number = more.length === 0 && /^\d+$/.test(value ?? '') ? Number(value) : NaN;
  if (!(number >= least && number <= most)) throw new CpuError(`${word}: write ${usage(of)} with a whole number from ${least} to ${most}`);
  return { of, value: number };
}
