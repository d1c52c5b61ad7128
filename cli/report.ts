/** How errors reach the user: one line for an error that the user can correct, a stack trace for a bug. */
import { visible } from '../trace/visible.ts';
import { CliError, Exit, fileError, isFileError } from './errors.ts';

const tracesKept = new Set<string>();

/** Sets the current trace file, for the message of a crash. */
export function noteTrace(path: string): void {
  tracesKept.add(path);
}

/** Writes the error to standard error and returns the exit status. */
export function reportError(error: unknown): number {
  if (error instanceof CliError) {
    process.stderr.write(`tessera: ${error.code}: ${oneLine(error.message)}\n`);
    return error.status;
  }
  if (isFileError(error) && error.syscall === 'uv_cwd')
    return reportError(new CliError('E_FOLDER', 'the current folder does not exist any more', 'change to another one (cd)'));
  if (isFileError(error) && error.path) return reportError(fileError('file', error.path, error));
  const missing = missingPackage(error);
  if (missing)
    return reportError(new CliError('E_INSTALL', `this needs the package '${missing}', which is not installed`,
      `run: npm install ${missing === 'ink' ? 'ink react' : missing}`, Exit.failure));
  const stack = error instanceof Error ? error.stack ?? error.message : String(error);
  const where = tracesKept.size
    ? `the trace up to here is in ${[...tracesKept].join(', ')}`
    : 'run it again with --trace FILE to record what led to it';
  process.stderr.write(`tessera: E_BUG: this is a bug in Tessera\n${stack}\n${where}\n`);
  return Exit.failure;
}

/** Packages that single commands need, and that an installation of the library leaves out. */
const OPTIONAL = ['esbuild', 'ink', 'react', 'sql.js'];
const missingPackage = (error: unknown): string | undefined =>
  ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND'
    ? OPTIONAL.find((p) => String(error).includes(`package '${p}'`))
    : undefined);

const oneLine = (text: string) => visible(text.replace(/\s*\n\s*/g, ' '));
