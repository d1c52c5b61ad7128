/**
 * From the TypeScript files of a submission to one script that its process runs: bundled with the modules it may use, with counters in
 * loops.
 */
import { SourceMap } from 'node:module';
import { basename, join } from 'node:path';
import type { Plugin } from 'esbuild';
import { CliError, Exit } from '../errors.ts';
import { projectRoot } from '../images/where.ts';
import { countLoops } from '../../labs/grading/loops.ts';
import { SubmissionError } from '../../labs/grading/submission.ts';
import type { RemoteCode } from './remote/program.ts';

export { SubmissionError };

const OURS = 'tessera-lab:', FRAME = /submission\.js:(\d+):(\d+)/g;

/** Files of the submission, by name; it can access no other files. */
const submissionFiles = (files: ReadonlyMap<string, string>): Plugin => ({
  name: 'submission',
  setup(build) {
    build.onResolve({ filter: /.*/, namespace: 'submission' }, ({ path, importer }) => {
      if (path === 'tessera') return { path: join(projectRoot(), 'labs/api.ts') };
      const name = path.replace(/^\.\//, ''), found = [name, `${name}.ts`, name.replace(/\.js$/, '.ts')].find((n) => files.has(n));
      if (found !== undefined && path.startsWith('./')) return { path: found, namespace: 'submission' };
      return {
        errors: [
          {
            text: `${basename(importer)} imports '${path}': a lab may import 'tessera' and the files that are handed in (`
              + `${[...files.keys()].join(', ')})`
          }
        ]
      };
    });
    build.onResolve({ filter: new RegExp(`^${OURS}`) }, ({ path }) => ({ path: path.slice(OURS.length), namespace: 'submission' }));
    build.onLoad({ filter: /.*/, namespace: 'submission' }, ({ path }) => ({ contents: files.get(path)!, loader: 'ts' }));
  },
});

/** Throws SubmissionError. */
export async function compile(files: ReadonlyMap<string, string>): Promise<RemoteCode> {
  const { build } = await import('esbuild').catch(() => {
    throw new CliError('E_LAB', 'labs in TypeScript need esbuild', 'run: npm install', Exit.failure);
  });
  const names = [...files.keys()].filter((n) => n.endsWith('.ts'));
  const entry = [
    `import { serve } from ${JSON.stringify(join(projectRoot(), 'cli/lab/remote/inside.ts'))};`,
    `serve({ ${names.map((n) => `${JSON.stringify(n)}: () => require('${OURS}${n}').default`).join(', ')} }, config);`,
  ].join('\n');
  try {
    const out = await build({
      stdin: { contents: entry, resolveDir: projectRoot(), sourcefile: 'entry.js' }, outfile: 'submission.js', bundle: true, format: 'iife',
      platform: 'neutral', target: 'es2022', write: false, logLevel: 'silent', sourcemap: 'external',
      sourcesContent: false, ignoreAnnotations: true, plugins: [submissionFiles(files)],
    });
    const map = new SourceMap(JSON.parse(out.outputFiles.find((f) => f.path.endsWith('.map'))!.text));
    const placeOf = (line: number, column: number): { file: string; line: number } | undefined => {
      const at = map.findEntry(line, column) as { originalSource?: string; originalLine?: number },
        file = /^submission:(.*)$/.exec(at.originalSource ?? '')?.[1];
      return file === undefined ? undefined : { file, line: at.originalLine! + 1 };
    };
    const code = countLoops(out.outputFiles.find((f) => f.path.endsWith('.js'))!.text, placeOf);
    return { code, place: (stack) => placeInStack(stack, placeOf) };
  } catch (error) {
    const first = (error as { errors?: { text: string; location?: { file: string; line: number } | null }[] }).errors?.[0];
    if (!first) throw error;
    throw new SubmissionError(
      `${first.text}${first.location ? ` (${first.location.file.replace(/^submission:/, '')}:${first.location.line})` : ''}`);
  }
}

function placeInStack(stack: string, placeOf: (line: number, column: number) => { file: string; line: number } | undefined): string {
  for (const [, line, column] of stack.matchAll(FRAME)) {
    const place = placeOf(Number(line) - 1, Number(column) - 1);
    if (place) return `${place.file}:${place.line}`;
  }
  return '';
}
