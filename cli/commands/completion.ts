/** `tessera completion`: a script that completes `tessera` command lines in a shell. */
import { Command, Argument } from 'commander';
import { Exit } from '../errors.ts';

export function completionCommand(done: (status: number) => void): Command {
  const command = new Command('completion').description('print a completion script for a shell')
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(['bash', 'zsh', 'fish']))
    .addHelpText('after', `
Examples:
  source <(tessera completion bash)
  tessera completion zsh > ~/.zfunc/_tessera
  tessera completion fish > ~/.config/fish/completions/tessera.fish
`);
  return command.action(async (shell: 'bash' | 'zsh' | 'fish') => {
    const [{ completion }, { scenarioList }, { labNames }] = await Promise.all([
      import('../completion.ts'), import('../boot.ts'), import('../../labs/catalogue.ts')
    ]);
    const names = { boot: scenarioList(), 'lab start': labNames(), 'completion': ['bash', 'zsh', 'fish'] };
    process.stdout.write(completion(shell, command.parent!, names));
    done(Exit.ok);
  });
}
