/**
 * Pictures of success: for each lab the messages in a run of its reference solution, labs/NN-name/success.svg. On a bare machine (lab 18)
 * there are no messages.
 *
 *   npx tsx test/labs/pictures.ts [NAME …]
 */
import { answerHelp } from '../tool.ts';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesOfLab, labFolder } from '../../cli/lab/folder.ts';
import { grade, variantOf } from '../../cli/lab/grade.ts';
import { findLab, labNames } from '../../labs/catalogue.ts';
import { Filter, TraceFile, filtered, svg } from '../../trace/index.ts';

const ARROWS = 16;
/** By number: the world (from 0), and the records that the picture shows. */
const pictures: Readonly<Record<number, readonly [number, string]>> = {
  1: [0, 'task:driver task:greeter kind:call,reply'], 2: [0, 'nr:getppid,clone,close kind:event,resume'],
  3: [3, 'task:client task:pager kind:event,map,resume'], 4: [3, 'task:broker task:driver kind:call,reply'],
  5: [1, 'task:buffer task:driver kind:call,reply'], 6: [1, 'task:writer task:unix kind:event,resume'],
  7: [2, 'task:process0,process1 task:cow kind:event,map,resume'], 8: [0, 'task:slicer kind:recall,event,resume'],
  9: [5, 'task:lock task:driver kind:call,reply'], 10: [1, 'task:control task:monitor kind:call,reply'],
  11: [0, 'task:guest0 task:uart kind:event,resume'], 12: [2, 'task:guest0 task:firmware kind:event,resume'],
  13: [1, 'task:kernel task:monitor kind:event,resume'], 14: [0, 'task:guest0 task:shadow kind:event,map,resume'],
  15: [0, 'task:guest task:patcher kind:event,map,resume'],
  16: [0, 'task:ring task:driver kind:call,reply'],
  17: [1, 'task:guest task:ahead kind:event,map,resume'],
};

answerHelp(import.meta.filename);
for (const name of process.argv.length > 2 ? process.argv.slice(2) : labNames().filter((n) => pictures[Number(n.slice(0, 2))])) {
  const lab = (await findLab(name))!, [index, filter] = pictures[lab.number]!,
    { traces } = await grade(lab, filesOfLab(lab, 'solution', variantOf(lab, 'picture')), { seed: 'picture', allTraces: true });
  const trace = new TraceFile([...traces.values()][index]!), path = join(labFolder(lab), 'success.svg'),
    picture = [...svg(filtered(trace, new Filter(filter, trace)), ARROWS)].join('');
  writeFileSync(path, picture);
  console.log(`${path}: ${picture.length} bytes, ${(picture.match(/<path|<line/g) ?? []).length} lines`);
}
process.exit(0);
