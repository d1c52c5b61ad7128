/** The Unix server behaves the same above the microkernel and directly on the machine: programs print the same and end the same. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { imagesFolder } from '../cli/images/where.ts';
import { runProgram } from '../index.ts';
import { runNative } from '../l4guest/arch/native/boot.ts';
import { FileTree } from '../system/files/archive.ts';
import { single } from './guest-programs.ts';
import { root } from './tessera.ts';

const folder = join(root, 'guests/bin/linux'), rootfs = join(imagesFolder(), 'rootfs'),
  files: Record<string, Uint8Array> = {
    ...Object.fromEntries(readdirSync(folder).map((name) => [`bin/${name}`, readFileSync(join(folder, name))])),
    'etc/shell.sh': readFileSync(join(root, 'test/guests/shell.sh')), 'etc/words': Buffer.from('one two\nthree\n'),
  };
const decoder = new TextDecoder();
function archive(): Uint8Array {
  const tree = new FileTree(files), bytes = new Uint8Array(tree.length);
  tree.copyTo(bytes);
  return bytes;
}

interface Said { readonly status: number; readonly stdout: string; readonly stderr: string }
function native(argv: readonly string[], input = '', files = archive()): Said {
  let stdout = '', stderr = '';
  const { status } = runNative({
    root: files, argv, env: ['PATH=/bin'], input: new TextEncoder().encode(input), output: (b) => { stdout += decoder.decode(b); },
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

  it.each(single)('does what it does on Linux: %j', (args, input, stdout, status) => {
    const run = native([`/bin/${args[0]}`, ...args.slice(1)], input);
    if (typeof stdout === 'string') expect(run.stdout).toBe(stdout);
    else expect(run.stdout).toMatch(stdout);
    expect(run.status).toBe(status);
  });
  it('the shell answers a long script as it does on real Linux', () => {
    const stdout = readFileSync(join(root, 'test/guests/shell.expected'), 'utf8');
    expect(native(['/bin/sh', '/etc/shell.sh'])).toMatchObject({ status: 0, stdout });
  });

  it.skipIf(!existsSync(rootfs))("Debian's busybox in it: compression, a hundred stages, jobs, files of /proc", () => {
    const script = 'dd if=/dev/zero bs=1M count=2 2>/dev/null | gzip | gunzip | sha256sum; cmd="seq 200"; i=0; while [ $i -lt 99 ]; do '
      + 'cmd="$cmd | cat"; i=$((i+1)); done; eval "$cmd" | tail -n 1; sleep 1 & wait; ls /proc/self/fd | wc -l; cat /proc/$$/comm; '
      + 'mkdir -p /tmp/a/b; ln -s a/b /tmp/l; cd -P /tmp/l; pwd; exit 9';
    const run = native(['/bin/sh', '-c', script], '', execFileSync('tar', ['-C', rootfs, '-cf', '-', '.'], { maxBuffer: 1 << 28 }));
    const sum = '5647f05ec18958947d32874eeb788fa396a05d0bab7c1b71f112ceb7e9b31eee';
    expect(run).toEqual({ status: 9, stderr: '', stdout: `${sum}  -\n200\n4\nsh\n/tmp/a/b\n` });
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
