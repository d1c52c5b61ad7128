/**
 * The worker that checks labs: it compiles the submission, stores it where the service worker serves it as a script of the page (the policy
 * allows no other), and runs it in the worlds of the lab's grader, the same as the command's.
 */
import { findLab } from '../../labs/catalogue.ts';
import { nativeProgram } from '../../labs/grading/assembly.ts';
import type { Lab, Submission } from '../../labs/grading/lab.ts';
import { countLoops } from '../../labs/grading/loops.ts';
import { mistakesIn } from '../../labs/grading/mistakes.ts';
import { Random, hash } from '../../labs/grading/random.ts';
import { runWorld } from '../../labs/grading/run.ts';
import { SubmissionError } from '../../labs/grading/submission.ts';
import { countTurns } from '../../labs/grading/turns.ts';
import { Sheet, verdictOf } from '../../labs/grading/verdict.ts';
import { guestBytes } from '../../library/guests.ts';
import type { Program } from '../../roottask/client/index.ts';
import type { FromLab, ToLab } from '../lab-protocol.ts';
import { withAddresses, withoutTypes, withYields } from './typeless.ts';

declare const self: {
  postMessage(message: FromLab, transfer?: ArrayBuffer[]): void; onmessage: ((event: { data: ToLab }) => void) | null;
  location: { href: string }
};
const say = (message: FromLab): void => self.postMessage(message);

const systemCall = countTurns(), printed: string[] = [], MOST_LINES = 500;
Object.defineProperty(globalThis, 'turned$', { value: (answer: unknown) => { systemCall(); return answer; } });
console.log = (...words: unknown[]) => { if (printed.length < MOST_LINES) printed.push(words.map(String).join(' ')); };

const variantOf = (lab: Lab, seed: string): ReturnType<Lab['variant']> => lab.variant(new Random(`${lab.name}/${seed}`));

/** Compiles the files and loads them. Throws SubmissionError. */
async function programs(files: Readonly<Record<string, string>>): Promise<Map<string, Program>> {
  const base = new URL(`../own/${Date.now()}-${Math.random().toString(36).slice(2)}/`, self.location.href),
    cache = await caches.open('own-scripts');
  for (const old of await cache.keys()) await cache.delete(old);
  const addressOf = (from: string) => (path: string): string => {
    if (path === 'tessera') return new URL('lab-api.js', self.location.href).href;
    const name = path.replace(/^\.\//, '').replace(/\.js$/, '.ts'), found = [name, `${name}.ts`].find((n) => n in files);
    if (found === undefined || !path.startsWith('./'))
      throw new SubmissionError(
        `${from} imports '${path}': a lab may import 'tessera' and the files that are handed in (${Object.keys(files).join(', ')})`);
    return new URL(`${found}.js`, base).href;
  };
  for (const [name, source] of Object.entries(files)) {
    const code = withAddresses(countLoops(withYields(withoutTypes(name, source)), (line) => ({ file: name, line: line + 1 })),
      addressOf(name));
    await cache.put(new URL(`${name}.js`, base).href, new Response(code, { headers: { 'Content-Type': 'text/javascript' } }));
  }
  const loaded = new Map<string, Program>();
  for (const name of Object.keys(files)) {
    const { default: program } = await import(new URL(`${name}.js`, base).href).catch((error: unknown) => {
      throw new SubmissionError(`${name}: ${(error as Error).message}`);
    }) as { default?: Program };
    if (program) loaded.set(name, program);
  }
  return loaded;
}

async function ready(lab: Lab, files: Readonly<Record<string, string>>): Promise<Submission> {
  if (lab.language === 'sql' || lab.language === 'c') throw new SubmissionError('this lab is checked by the command: tessera lab check');
  const natives = lab.language === 'riscv'
    ? Object.entries(files).map(([name, source]) => ({ name, bytes: nativeProgram(name, source) }))
    : [];
  const loaded = lab.language === 'typescript' ? await programs(files) : new Map<string, Program>();
  return {
    modules: natives, text: (file) => files[file] ?? '',
    program: (file) => {
      if (lab.language === 'riscv') return { elf: file };
      const own = loaded.get(file);
      if (!own || typeof own.main !== 'function') throw new SubmissionError(`${file} has no 'export default' of a program`);
      return own;
    },
  };
}

function notesOf(files: Readonly<Record<string, string>>): string[] {
  return Object.entries(files).filter(([name]) => name.endsWith('.ts')).flatMap(([name, source]) => {
    try { return mistakesIn(name, withoutTypes(name, source), source); } catch { return []; }
  });
}

async function check(name: string, seed: string, files: Readonly<Record<string, string>>): Promise<void> {
  const lab = (await findLab(name))!, sheet = new Sheet(lab), notes = notesOf(files), traces: Record<string, Uint8Array> = {},
    output: string[] = [], digests: string[] = [];
  try {
    const submission = await ready(lab, files);
    for (const world of lab.worlds(variantOf(lab, seed), new Random(`${lab.name}/${seed}/`))) {
      say({ type: 'world', name: world.name });
      const brought = new Map(await Promise.all(Object.values(world.files ?? {}).map(async (path) =>
        [path, await guestBytes(path)] as const))),
        from = printed.length;
      systemCall();
      const { seen, traceBytes, digest, crashes, asked } = runWorld(world, submission, {
        file: (path) => brought.get(path)!, printed: () => printed.slice(from)
      }),
        told = sheet.say(world.name);
      let wrong = false;
      await world.judge(seen, (id, right, ...rest) => { wrong ||= !right; told(id, right, ...rest); });
      digests.push(digest);
      if (wrong) for (const line of [...crashes, ...(seen.why ? [seen.why] : []), ...asked()]) output.push(`${world.name}: ${line}`);
      traces[world.name] = traceBytes;
      for (const line of printed.slice(from)) output.push(`${world.name}: ${line}`);
    }
    say({ type: 'verdict', traces, verdict: verdictOf(lab, seed, sheet.results(), notes, output, hash(digests.join(' ')).toString(16)) });
  } catch (error) {
    if (!(error instanceof SubmissionError)) throw error;
    say({
      type: 'verdict', traces,
      verdict: verdictOf(lab, seed, sheet.results(error.message), [...new Set([...notes, error.message])], output, '')
    });
  }
}

self.onmessage = ({ data }) => {
  const work = data.type === 'check'
    ? check(data.lab, data.seed, data.files)
    : findLab(data.lab).then((lab) => { if (lab) say({ type: 'variant', variant: variantOf(lab, data.seed) }); });
  work.catch((error: unknown) => say({ type: 'failed', message: String((error as Error)?.stack ?? error) }));
};
