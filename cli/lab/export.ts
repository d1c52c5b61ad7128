/** `tessera lab export`: the students' files: pages, starters, types, a workflow; no solution, no grader. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { findLab, labNames } from '../../labs/catalogue.ts';
import type { Lab } from '../../labs/grading/lab.ts';
import { CliError, Exit, outputError } from '../errors.ts';
import { projectRoot } from '../images/where.ts';
import { starterFiles, writeFiles } from './commands.ts';
import { GLOBALS, compilerOptions } from './types.ts';
import { removeFolder, temporaryFolder } from '../temporary.ts';

export async function exportStudents(folder: string): Promise<number> {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new CliError('E_FILE', `folder '${folder}' is not empty`, 'name one that is not there yet');
  const labs = await Promise.all(labNames().map((n) => findLab(n) as Promise<Lab>));
  try {
    mkdirSync(join(folder, '.github/workflows'), { recursive: true });
    for (const lab of labs) writeFiles(join(folder, lab.name), starterFiles(lab, 'student', '../types/labs/api.d.ts'));
    writeFileSync(join(folder, 'README.md'), readme(labs));
    writeFileSync(join(folder, '.github/workflows/classroom.yml'), workflow());
  } catch (error) {
    throw outputError('folder', folder, error);
  }
  const types = writeTypes(join(folder, 'types'));
  process.stdout.write(
    `${folder}: ${labs.length} labs${types ? '' : '; without types, as there is no TypeScript compiler here (npm install)'}\n`);
  return Exit.ok;
}

/** Declarations of what labs import as 'tessera'. */
function writeTypes(out: string): boolean {
  const root = projectRoot(), work = temporaryFolder('types');
  try {
    const tsc = join(dirname(createRequire(join(root, 'package.json')).resolve('typescript/package.json')), 'bin/tsc');
    const options = {
      ...compilerOptions(join(root, 'labs/api.ts')), noEmit: false, declaration: true, emitDeclarationOnly: true, rootDir: root, outDir: out
    };
    writeFileSync(join(work, 'globals.d.ts'), GLOBALS);
    writeFileSync(join(work, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: options, files: [join(work, 'globals.d.ts'), join(root, 'labs/api.ts')] }));
    return spawnSync(process.execPath, [tsc, '-p', work, '--outDir', resolve(out)], { encoding: 'utf8' }).status === 0;
  } catch {
    return false;
  } finally {
    removeFolder(work);
  }
}

const readme = (labs: readonly Lab[]): string => `# Labs

Each folder is a lab: read its README.md, write its files, check them with the \`tessera\` command:

\`\`\`
tessera lab check ${labs[0]!.name}
tessera lab hint ${labs[0]!.name}
\`\`\`

Put your name into each \`lab.json\` first: the task differs a little from student to student, and
\`tessera lab start N DIR --student NAME\` writes your own page.

${labs.map((l) => `${l.number}. [${l.title}](${l.name}/README.md), ${l.hours.join('–')} hours`).join('\n')}
`;

/** GitHub Classroom: the image holds the graders; points come out as a summary and as the job's status. */
const workflow = (): string => `name: labs
on: [push, workflow_dispatch]
permissions: { contents: read }
jobs:
  grade:
    runs-on: ubuntu-latest
    container: \${{ vars.TESSERA_IMAGE }}
    strategy:
      fail-fast: false
      matrix: { lab: [${labNames().map((n) => `'${n}'`).join(', ')}] }
    steps:
      - uses: actions/checkout@v4
      - name: check
        env: { SECRET: "\${{ secrets.LAB_SECRET }}", STUDENT: "\${{ github.actor }}" }
        run: |
          tessera lab report \${{ matrix.lab }} --lab \${{ matrix.lab }} --student "$STUDENT" --secret "$SECRET" --format markdown \\
            >> "$GITHUB_STEP_SUMMARY"
          tessera lab check \${{ matrix.lab }} --lab \${{ matrix.lab }} --student "$STUDENT" --secret "$SECRET"
`;
