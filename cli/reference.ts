/**
 * The reference page of the command, docs/reference/command.md, generated from the descriptions of --help.
 *
 *   npx tsx cli/reference.ts > docs/reference/command.md
 */
import type { Command } from 'commander';
import { fileURLToPath } from 'node:url';
import { errorCodes } from './error-codes.ts';
import { buildProgram } from './main.ts';

const head = `# The \`tessera\` command

*Made by \`cli/reference.ts\` from the descriptions that \`--help\` shows.*

Long options take their value after \`=\` or a space; \`--\` ends the options; \`-\` is standard input or output wherever a
file is named. Colours are off when the output is no terminal. On a terminal, \`Ctrl-A x\` leaves a running system.

| exit status | means |
|---|---|
| the program's own | \`run\`: the program has ended; 128 + N: it died of signal N |
| 0 | a machine powered itself off; \`--until\`: the text has appeared |
| 1 | a machine crashed or reset with failure; a scenario failed; a file could not be written |
| 2 | wrong usage, or a file that cannot be what it should be |
| 124 | \`--max-instructions\` is reached |
| 126, 127 | \`run\`: the program cannot be run; there is no such program |
`;

/** The page as Markdown. */
export function referencePage(): string {
  const program = buildProgram(() => {});
  const sections: string[] = [];
  const visit = (command: Command, path: string) => {
    const children = command.commands.filter((child) => child.name() !== 'help');
    if (path !== 'tessera') sections.push(section(command, path));
    for (const child of children) visit(child, `${path} ${child.name()}`);
  };
  visit(program, 'tessera');
  return [head, ...sections, errors()].join('\n');
}

/** Every code that an error line begins with. */
const errors = (): string => `## Errors

An error is one line: \`tessera:\`, a code to search for, what was wrong with which argument, and what to do. Statuses are at
the head of this page.

| code | means |
|---|---|
${Object.entries(errorCodes).map(([code, text]) => `| \`${code}\` | ${text} |`).join('\n')}
`;

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');

function section(command: Command, path: string): string {
  const help = command.createHelp();
  const args = help.visibleArguments(command).map((argument) =>
    `| \`${help.argumentTerm(argument)}\` | ${cell(help.argumentDescription(argument))} |`);
  const options = command.options.map((option) =>
    `| \`${option.flags.replace('--stats [file]', '--stats[=file]').replaceAll('|', '\\|')}\` | ${cell(help.optionDescription(option))} |`);
  const rows = [...args, ...options];
  const table = rows.length ? `\n| | |\n|---|---|\n${rows.join('\n')}\n` : '';
  let after = '';
  command.configureOutput({ writeOut: (text) => { after += text; } });
  command.outputHelp();
  const examples = /\n(Examples?:[\s\S]*)$/.exec(after)?.[1] ?? '';
  return `## ${path}\n\n${cell(command.description())}.\n${table}\n\`\`\`\n${examples.trimEnd()}\n\`\`\`\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(referencePage());
