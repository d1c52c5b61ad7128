/**
 * Completion for shells, generated from the descriptions of --help: the words that may follow each command. They include names of scenarios
 * and labs; where nothing fits, the shell offers files.
 */
import type { Command } from 'commander';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** A command by its path below `tessera` ('', 'trace stats'), and what may follow it: word and description. */
interface CommandWords { readonly path: string; readonly words: readonly (readonly [word: string, says: string])[] }

/** `names`: the existing names, for commands that take one. */
function places(program: Command, names: Readonly<Record<string, readonly string[]>>): CommandWords[] {
  const all: CommandWords[] = [];
  const visit = (command: Command, path: string): void => {
    const below = command.commands.filter((c) => c.name() !== 'help'), options = command.createHelp().visibleOptions(command);
    all.push({
      path,
      words: [
        ...below.map((c) => [c.name(), c.description()] as const), ...(names[path] ?? []).map((n) => [n, ''] as const),
        ...options.flatMap((o) => [o.long, o.short].filter((w) => w !== undefined && w !== null).map((w) => [w!, o.description] as const)),
      ],
    });
    for (const child of below) visit(child, path ? `${path} ${child.name()}` : child.name());
  };
  visit(program, '');
  return all;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const brief = (text: string): string => text.split(/[:;(]/)[0]!.trim().slice(0, 60);

/**
 * Finds the place for the words before the cursor, in bash and zsh alike. `words`: an array's name, `count`: its elements before the
 * cursor.
 */
function finding(all: readonly CommandWords[]): string {
  return `    case "$path\${path:+ }$w" in ${all.filter((p) => p.path).map((p) => quoted(p.path)).join('|')}) path="$path\${path:+ }$w";; `
    + `esac`;
}

const bash = (all: readonly CommandWords[]): string =>
  `# bash completion for tessera: source it, or put it into ~/.local/share/bash-completion/completions/tessera
_tessera() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" path= words= w
  for w in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
${finding(all)}
  done
  case "$path" in
${all.map((p) => `    ${quoted(p.path)}) words=${quoted(p.words.map(([word]) => word).join(' '))};;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$cur"))
}
complete -o filenames -F _tessera tessera
`;

const zsh = (all: readonly CommandWords[]): string => `#compdef tessera
# zsh completion for tessera: put it into a folder of $fpath as _tessera
_tessera() {
  local path= w
  local -a known
  for w in "\${(@)words[2,CURRENT-1]}"; do
${finding(all)}
  done
  case "$path" in
${all.map((p) => `    ${quoted(p.path)}) known=(${p.words.map(described).join(' ')});;`).join('\n')}
  esac
  _describe tessera known || _files
}
_tessera "$@"
`;

/** A word as _describe wants it. */
function described([word, says]: CommandWords['words'][number]): string { return quoted(`${word.replaceAll(':', '\\:')}:${brief(says)}`); }

const fish = (all: readonly CommandWords[]): string => `# fish completion for tessera: put it into ~/.config/fish/completions/tessera.fish
function __tessera_at
  set -l path
  for w in (commandline -opc)[2..-1]
    set -l longer (string join ' ' $path $w)
    contains -- $longer ${all.filter((p) => p.path).map((p) => quoted(p.path)).join(' ')}; and set path $longer
  end
  test "$path" = "$argv[1]"
end
${all.flatMap((p) => p.words.map((word) => fishLine(p.path, word))).join('\n')}
`;

/** A long option, a short one, or a word, where the line has come to `path`. */
function fishLine(path: string, [word, says]: CommandWords['words'][number]): string {
  const kind = word.startsWith('--') ? `-l ${word.slice(2)}` : word.startsWith('-') ? `-s ${word.slice(1)}` : `-a ${quoted(word)}`;
  return `complete -c tessera -n ${quoted(`__tessera_at ${quoted(path)}`)} ${kind}${says ? ` -d ${quoted(brief(says))}` : ''}`;
}

const makers: Record<Shell, (all: readonly CommandWords[]) => string> = { bash, zsh, fish };

/** The script for a shell. */
export const completion = (shell: Shell, program: Command, names: Readonly<Record<string, readonly string[]>>): string =>
  makers[shell](places(program, names));
