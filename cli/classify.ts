/** `tessera classify`: runs the classifier and prints the result. */
import { classify } from '../machine/classify/classify.ts';
import { reportOf } from '../machine/classify/report.ts';
import { cpuModel } from '../machine/cpu/model.ts';
import { Exit } from './errors.ts';
import { writeNow } from './output.ts';

export function classifyProcessor(cpu: string, json: boolean): number {
  const found = classify(cpuModel(cpu));
  writeNow(1, Buffer.from(json ? `${JSON.stringify(found)}\n` : reportOf(found)));
  return Exit.ok;
}
