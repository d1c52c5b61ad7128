/**
 * Pictures of success: for each lab the messages in a run of its reference solution, labs/NN-name/success.svg. On a bare machine (lab 18)
 * there are none: its picture shows how the hart changes its mode.
 *
 *   npx tsx test/labs/pictures.ts [NAME …]
 */
import { answerHelp } from '../tool.ts';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesOfLab, labFolder } from '../../cli/lab/folder.ts';
import { grade, variantOf } from '../../cli/lab/grade.ts';
import { findLab, labNames } from '../../labs/catalogue.ts';
import { RAM, type BareWorld } from '../../labs/grading/bare.ts';
import type { Lab } from '../../labs/grading/lab.ts';
import { Random } from '../../labs/grading/random.ts';
import { assemble } from '../../hardware/isa/assemble.ts';
import { createBoard } from '../../machine/board/board.ts';
import { readRegister, REG } from '../../machine/debug/registers.ts';
import type { Hart } from '../../machine/hart/hart.ts';
import type { Arrow } from '../../trace/export/arrows.ts';
import { drawn } from '../../trace/export/svg.ts';
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

const A0 = 10, A7 = 17, ECALL_OF_GUEST = 10, CALLS: Readonly<Record<string, string>> = { 0: 'set_timer', 8: 'shutdown' };
const csr = (hart: Hart, number: number): bigint => BigInt.asUintN(64, readRegister(hart, REG.csr + number) ?? 0n);

/** Why the hart has come to HS mode from its guest. */
function exitText(hart: Hart): string {
  const scause = csr(hart, 0x142), a7 = readRegister(hart, A7)!;
  if (scause >> 63n === 1n) return `interrupt ${scause & 63n}`;
  if (scause !== BigInt(ECALL_OF_GUEST)) return `exception ${scause} at 0x${(csr(hart, 0x643) << 2n).toString(16)}`;
  return `ecall: ${a7 === 1n ? `print '${String.fromCharCode(Number(readRegister(hart, A0)))}'` : CALLS[String(a7)] ?? `call ${a7}`}`;
}

/** The changes of mode in a run on the bare machine. */
function modesOf(world: BareWorld, source: string): Arrow[] {
  const program = assemble(source, RAM), guest = assemble(world.guest.source, world.guest.linked), arrows: Arrow[] = [];
  const board = createBoard({ memoryBytes: 64 << 20, harts: 1,
    console: { output: () => undefined, take: () => new Uint8Array(0), onInput: () => undefined } });
  const { machine } = board, [hart] = machine.harts as [Hart];
  machine.memory.writable(RAM, program.bytes.length).set(program.bytes);
  machine.memory.writable(world.guest.at, guest.bytes.length).set(guest.bytes);
  board.startProgram(RAM);
  const modeOf = (h: Hart): string => (h.virt ? 'guest' : h.priv === 3 ? 'M mode' : 'HS mode');
  let mode = modeOf(hart);
  for (let n = 1; arrows.length <= ARROWS && machine.run({ maxInstructions: 1 }).kind === 'instructions'; n++) {
    const to = modeOf(hart);
    if (to === mode) continue;
    const isBack = to === 'guest' && arrows.length > 1;
    arrows.push({ sequence: n, time: machine.now, from: mode, to, reply: isBack,
      text: mode === 'M mode' ? 'mret' : to === 'guest' ? 'sret' : exitText(hart) });
    mode = to;
  }
  return arrows;
}

async function bareWorld(lab: Lab): Promise<string> {
  const variant = variantOf(lab, 'picture'), world = lab.worlds(variant, new Random(lab.name)).find((w) => w.bare)!.bare!,
    arrows = modesOf(world, filesOfLab(lab, 'solution', variant).get(world.file)!);
  return [...drawn(arrows.slice(0, ARROWS), arrows.length > ARROWS)].join('').replaceAll('<title>record', '<title>instruction');
}
async function system(lab: Lab): Promise<string> {
  const [index, filter] = pictures[lab.number]!,
    { traces } = await grade(lab, filesOfLab(lab, 'solution', variantOf(lab, 'picture')), { seed: 'picture', allTraces: true });
  const trace = new TraceFile([...traces.values()][index]!);
  return [...svg(filtered(trace, new Filter(filter, trace)), ARROWS)].join('');
}

answerHelp(import.meta.filename);
for (const name of process.argv.length > 2 ? process.argv.slice(2) : labNames()) {
  const lab = (await findLab(name))!, path = join(labFolder(lab), 'success.svg'),
    picture = await (pictures[lab.number] ? system(lab) : bareWorld(lab));
  writeFileSync(path, picture);
  console.log(`${path}: ${picture.length} bytes, ${(picture.match(/<path|<line/g) ?? []).length} lines`);
}
process.exit(0);
