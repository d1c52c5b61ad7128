/** The cross compiler for programs that a test makes, where this computer has one. */
import { execFileSync } from 'node:child_process';

export const compiler = 'riscv64-linux-gnu-gcc';
export const hasCompiler = ((): boolean => {
  try {
    execFileSync(compiler, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();
