/** The Unix server behaves the same above the microkernel and directly on the machine: programs print the same and end the same. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runProgram } from '../index.ts';
import { runNative } from '../l4guest/arch/native/boot.ts';
import { FileTree } from '../system/files/archive.ts';
import { root } from './tessera.ts';

const folder = join(root, 'guests/bin/linux'),
  files = Object.fromEntries(readdirSync(folder).map((name) => [`bin/${name}`, readFileSync(join(folder, name))]));
const decoder = new TextDecoder();
function archive(): Uint8Array {
  const tree = new FileTree(files), bytes = new Uint8Array(tree.length);
  tree.copyTo(bytes);
  return bytes;
}

interface Said { readonly status: number; readonly stdout: string; readonly stderr: string }
function native(argv: readonly string[], input = ''): Said {
  let stdout = '', stderr = '';
  const { status } = runNative({
    root: archive(), argv, env: ['PATH=/bin'], input: new TextEncoder().encode(input), output: (b) => { stdout += decoder.decode(b); },
    error: (b) => { stderr += decoder.decode(b); },
  });
  return { status, stdout, stderr };
}
async function hosted(argv: readonly string[], input = ''): Promise<Said> {
  const { status, stdout, stderr } = await runProgram({
    program: argv[0]!, args: argv.slice(1), files: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`/${name}`, bytes])),
    env: { PATH: '/bin' }, stdin: input
  });
  return { status, stdout, stderr };
}

const pipeline = 'seq 20 | grep 1 | sort -r | head -3; echo $?; (exit 3); echo $?; ls /bin | wc; mkdir /tmp/d; echo text > /tmp/d/f; cat '
  + '/tmp/d/f; rm /tmp/d/f; kill -9 $$';
const programs: [string, readonly string[], string?][] = [
  ['arguments', ['/bin/echo', 'a', 'b c']], ['signals', ['/bin/sigtest']], ['pipes', ['/bin/pipetest']],
  ['fork and wait', ['/bin/forktest']], ['ptrace', ['/bin/tracetest']], ['a status', ['/bin/false']],
  ['a shell', ['/bin/sh', '-c', pipeline]], ['standard input', ['/bin/sort', '-r'], 'b\nc\na\n'],
  ['a program that is not there', ['/bin/sh', '-c', 'nothing; echo $?']],
];

describe('a program on the machine itself', () => {
  it.each(programs)('does the same as above the microkernel: %s', async (_, argv, input) => {
    expect(native(argv, input)).toEqual(await hosted(argv, input));
  });

  it('leaves no frame behind, however many processes there were', () => {
    const left = (n: number): number => {
      let last = 0;
      runNative({
        root: archive(), argv: ['/bin/forkexec', String(n)], output: () => {}, error: () => {}, finished: (free) => { last = free; }
      });
      return last;
    };
    expect(left(200)).toBe(left(5));
  });
});
