/** `tessera lab`: teaching labs that grade themselves. */
import { Command, Option } from 'commander';
import { count, oneOf } from '../options.ts';

type Done = (status: number) => void;
const FORMATS = ['text', 'markdown', 'json', 'gradescope', 'csv'] as const;

export function labCommand(done: Done): Command {
  const lab = new Command('lab').description('teaching labs: start one, check it, get a hint, grade a class').addHelpText('after', `
Examples:
  tessera lab list                          the labs, in the order of a course
  tessera lab start 1 my-lab                its page and files, in a new folder
  tessera lab check my-lab                  points, and what is wrong; exit status 0 at full points, 1 below
  tessera lab hint my-lab                   the next hint of its page
  tessera lab grade --all submissions       a class
`);
  lab.command('list').description('the labs, in the order of a course').option('--json', 'as JSON')
    .action(async (options: { json?: boolean }) => done(await (await import('../lab/commands.ts')).list(options)));
  lab.command('start').description('start a lab: writes its page and files into a new folder')
    .argument('<lab>', 'number or name').argument('[folder]', 'a new or empty folder; default: the name of the lab')
    .option('--student <name>', 'student whose variant of the task to use; default: your login name')
    .addHelpText('after', '\nExample:\n  tessera lab start 1 my-lab --student anna\n')
    .action(async (name: string, folder: string | undefined, options: { student?: string }) =>
      done(await (await import('../lab/commands.ts')).start(name, folder, options)));
  lab.command('check').description('run a lab in all its worlds and report what is right and wrong')
    .argument('[folder]', 'default: here', '.')
    .option('--all', 'show every finding of a check, not only the first')
    .option('--json', 'print the verdict as JSON')
    .option('--no-types', 'skip the check of types')
    .option('--lab <name>', 'check this lab, whatever lab.json says')
    .option('--student <name>', 'use the variant of this student, whatever lab.json says')
    .option('--secret <text>', 'secret seed of the worlds, for teachers')
    .addHelpText('after', '\nExample:\n  tessera lab check my-lab\n')
    .action(async (folder: string, options) => done(await (await import('../lab/commands.ts')).check(folder, options)));
  lab.command('hint').description('show the next hint of a lab').argument('[folder]', 'default: here', '.')
    .argument('[number]', 'show the hint of this number')
    .addHelpText('after', '\nExample:\n  tessera lab hint my-lab\n')
    .action(async (folder: string, number: string | undefined) => done(await (await import('../lab/commands.ts')).hint(folder, number)));
  lab.command('report').description('print the verdict on a lab in a format of your choice').argument('[folder]', 'default: here', '.')
    .addOption(new Option('--format <format>', FORMATS.join(', ')).default('markdown').argParser(oneOf('--format', FORMATS)))
    .option('-o, --output <file>', 'file to write instead of standard output')
    .option('--lab <name>', 'check this lab, whatever lab.json says')
    .option('--student <name>', 'use the variant of this student, whatever lab.json says')
    .option('--secret <text>', 'secret seed of the worlds, for teachers')
    .addHelpText('after', '\nExample:\n  tessera lab report my-lab --format gradescope -o results.json\n')
    .action(async (folder: string, options) => done(await (await import('../lab/commands.ts')).report(folder, options)));
  lab.addCommand(exportCommand(done)).addCommand(gradeCommand(done));
  lab.command('serve', { hidden: true }).action(async () => done(await (await import('../lab/serve.ts')).serve()));
  return lab;
}

const exportCommand = (done: Done): Command =>
  new Command('export').description('write the repository of the students: pages, starters and types, without solutions and graders')
  .requiredOption('--students <folder>', 'must not be there yet, or be empty')
  .addHelpText('after', '\nExample:\n  tessera lab export --students course\n')
  .action(async (options: { students: string }) => done(await (await import('../lab/export.ts')).exportStudents(options.students)));

const gradeCommand = (done: Done): Command => new Command('grade').description('grade a class: a folder with a folder for each student')
  .requiredOption('--all <folder>', 'with the submissions; a folder\'s name is the student\'s')
  .option('--lab <name>', 'the lab; default: each lab.json decides')
  .option('--secret <text>', 'secret seed of the worlds')
  .addOption(new Option('--format <format>', 'csv or json').default('csv').argParser(oneOf('--format', ['csv', 'json'] as const)))
  .option('-o, --output <file>', 'file to write instead of standard output')
  .addOption(new Option('--reports <folder>', 'also write a page for each student (Markdown) and results.json (Gradescope)'))
  .addOption(new Option('--jobs <n>', 'submissions at once; default: as many as there are processors').argParser(count('--jobs', 1, 256)))
  .addOption(new Option('--index <i>', 'only part I (from 0) of a job array').argParser(count('--index')))
  .addOption(new Option('--of <n>', 'with --index: parts in the array; default: one for each submission').argParser(count('--of', 1)))
  .addHelpText('after',
  '\nExamples:\n  tessera lab grade --all submissions --lab 3 --secret "$SECRET" -o points.csv\n'
    + '  tessera lab grade --all submissions --lab 3 --index 7 --of 20 -o part-7.csv\n')
  .action(async (options) => done(await (await import('../lab/class.ts')).gradeClass(options)));
