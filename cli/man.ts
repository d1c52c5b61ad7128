/**
 * The manual page, generated from the descriptions of --help. The package contains it; in a clone:
 *
 *   npx tsx cli/man.ts | man -l -
 */
import type { Command } from 'commander';
import { fileURLToPath } from 'node:url';
import { buildProgram } from './main.ts';

const roff = (text: string): string =>
  text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replace(/^[.']/gm, '\\&$&')
    .replace(/[\u0080-\uffff]/g, (c) => `\\[u${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}]`);

/** The page in roff's man macros. */
export function manualPage(): string {
  const program = buildProgram(() => {}), sections: string[] = [];
  const visit = (command: Command, path: string): void => {
    if (path !== 'tessera') sections.push(section(command, path));
    for (const child of command.commands) if (child.name() !== 'help') visit(child, `${path} ${child.name()}`);
  };
  visit(program, 'tessera');
  return `.TH TESSERA 1 "" "Tessera" "User Commands"
.SH NAME
tessera \\- a small computer system: a RISC\\-V machine, a microkernel, a Unix server and virtual machines
.SH SYNOPSIS
.B tessera
.I COMMAND
.RI [ OPTION ...]
.RI [ ARGUMENT ...]
.SH DESCRIPTION
Long options take their value after = or a space; \\-\\- ends the options; \\- is standard input or output wherever a
file is named. Colours are off when the output is no terminal. On a terminal, Ctrl\\-A x leaves a running system.
.SH COMMANDS
${sections.join('\n')}
.SH EXIT STATUS
The program's own for
.BR run ,
128 + N when it died of signal N; 0 when a machine powered itself off; 1 when it crashed or reset with failure, or an output could not be
written;
2 for wrong usage; 124 for a limit that was reached; 126 and 127 when there is no such program, or it cannot be run.
.SH SEE ALSO
docs/README.md in the project's folder
`;
}

function section(command: Command, path: string): string {
  const help = command.createHelp(), usage = help.commandUsage(command).replace(/^tessera\b.*?(?=\[options\]|<|\[|$)/, '').trim();
  const rows = [
    ...help.visibleArguments(command).map((a) => [help.argumentTerm(a), help.argumentDescription(a)] as const),
    ...command.options.map((o) => [o.flags, help.optionDescription(o)] as const),
  ];
  return [
    `.SS ${roff(`${path} ${usage}`.trim())}`, `${roff(command.description())}.`,
    ...rows.map(([term, says]) => `.TP\n.B ${roff(term)}\n${roff(says)}`)
  ].join(
    '\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(manualPage());
