/** The files that `tessera new` writes: small examples that work unchanged. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { CliError, Exit, outputError } from './errors.ts';
import { projectRoot } from './images/where.ts';
import { GLOBALS, compilerOptions } from './lab/types.ts';
import { visibleLines } from '../trace/visible.ts';
import { didYouMean } from './near.ts';

type Files = Readonly<Record<string, string>>;
interface Kind { readonly files: (name: string, folder: string) => Files; readonly next: (folder: string, name: string) => string }

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
const tsconfig = (folder: string, api: string, more: Record<string, unknown> = {}): string =>
  json({ compilerOptions: { ...compilerOptions(relative(folder, join(projectRoot(), api))), ...more }, include: ['**/*.ts'] });
const underscored = (name: string): string => name.replaceAll('-', '_');

const kinds: Readonly<Record<string, Kind>> = {
  scenario: {
    next: (folder, name) =>
      `boot it   tessera boot ${join(folder, `${name}.ts`)}\n  types     tessera boot ${join(folder, `${name}.ts`)} --types`,
    files: (name, folder) => ({
      [`${name}.ts`]: scenario(name), 'globals.d.ts': GLOBALS, 'tsconfig.json': tsconfig(folder, 'index.ts'),
      'README.md': `# ${name}\n\nA boot scenario: components, the capabilities that each one gets, what must appear.\n\n\`\`\`\n`
        + `tessera boot ${name}.ts\ntessera boot ${name}.ts --trace t.trace && tessera trace view t.trace\n\`\`\`\n`
    }),
  },
  native: {
    next: (folder, name) =>
      `build it  make -C ${folder}          (needs gcc-riscv64-linux-gnu)\n  boot it   tessera boot ${join(folder, `${name}.ts`)}`,
    files: (name, folder) => ({
      [`${name}.c`]: program(name), Makefile: makefile(name, folder), [`${name}.ts`]: nativeScenario(name), 'globals.d.ts': GLOBALS,
      'tsconfig.json': tsconfig(folder, 'index.ts'), '.gitignore': `${name}.elf\n`,
      'README.md': `# ${name}\n\nA RISC-V program that uses the microkernel itself. The library is one header: `
        + `\`guests/include/tessera.h\` of Tessera.\n\n\`\`\`\nmake\ntessera boot ${name}.ts\n\`\`\`\n`,
    }),
  },
  lab: {
    next: (folder) =>
      `try it    tessera lab check ${join(folder, 'solution')} --lab ${folder}\n  begin it  tessera lab start ${folder} my-lab`,
    files: (name, folder) => ({
      'README.md': labPage(name), 'grader.ts': grader(name), 'starter/server.ts': server('    return { words: [0] };'),
      'solution/server.ts': server('    sum += sys.utcb.word(0);\n    return { words: [sum] };'), 'globals.d.ts': GLOBALS,
      'tsconfig.json': tsconfig(folder, 'labs/api.ts',
        {
          paths: {
            tessera: [relative(folder, join(projectRoot(), 'labs/api.ts'))],
            'tessera-labs': [relative(folder, join(projectRoot(), 'labs/grading/index.ts'))]
          }
        }),
    }),
  },
};

export async function make(kind: string, name: string): Promise<number> {
  const maker = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined, word = basename(name);
  if (!maker)
    throw new CliError('E_USAGE', `there is nothing new of kind '${kind}'${didYouMean(kind, Object.keys(kinds))}`,
      `say one of: ${Object.keys(kinds).join(', ')}`);
  if (!/^[a-z][a-z0-9-]*$/.test(word))
    throw new CliError('E_USAGE', `'${word}' is no name`, "write lower-case letters, digits and '-', such as my-server");
  if (existsSync(name) && readdirSync(name).length > 0)
    throw new CliError('E_FILE', `folder '${name}' is not empty`, 'name one that is not there yet');
  try {
    for (const [file, text] of Object.entries(maker.files(word, resolve(name)))) {
      mkdirSync(dirname(join(name, file)), { recursive: true });
      writeFileSync(join(name, file), text);
    }
  } catch (error) {
    throw outputError('folder', name, error);
  }
  process.stdout.write(visibleLines(`${name}: a ${kind}${kind === 'native' ? ' program' : ''}\n  ${maker.next(name, word)}\n`));
  return Exit.ok;
}

const scenario = (name: string): string =>
  `import { Server, answer, ask, defineScenario, log, type Answer, type Program, type Session, type Sys, type Syscalls } from 'tessera';

/** A request, as client and server know it: its label, words in, words out. */
const COUNT = { label: 0x2000, in: ['n'], out: ['sum'], doc: 'Adds n, and answers the sum.' };

const server: Program = {
  name: 'server',
  *main(sys, env) {
    function* count(own: Syscalls, { state }: Session<{ sum: number }>): Sys<Answer> {
      state.sum += own.utcb.word(0);
      return answer(state.sum);
    }
    yield* new Server(env, 'counting', new Map([[COUNT.label, count]]), { open: () => ({ sum: 0 }), bufferOrder: 0 }).run(sys);
  },
};

const client: Program = {
  name: 'client',
  *main(sys, env) {
    for (const n of [1, 2, 3]) {
      const status = yield* ask(sys, env.cap('server'), COUNT, [n]);
      yield* log(sys, env, status === 0 ? \`the sum is \${sys.utcb.word(0)}\` : \`no answer: \${status}\`);
    }
  },
};

export default defineScenario({
  name: '${name}',
  summary: 'a server that counts, and a client',
  components: {
    server: { program: server, provides: ['counting'] },
    client: { program: client, caps: { server: 'server' } },
  },
  expect: [{ from: 'client', text: 'the sum is 6' }],
  budget: 1e9,
  ram: '64M',
});
`;

const program = (name: string): string => `/* ${name}: a thread of its own counts what it is sent. */
#include "tessera.h"

enum { SERVER_UTCB = 0x7f0000, PRIORITY = 100 };
static u8 stack[4096] __attribute__((aligned(16)));
static u64 sum;

static void server(struct utcb *u) {
  for (u64 flags = RECEIVE;; flags = REPLY | RECEIVE) {
    ipc(flags, 0, -1ul);
    u->words[0] = sum += u->words[0];
    set_tag(u, 0, 1);
  }
}

void main(const struct info *info) {
  begin(info);
  u64 thread = new_thread(server, stack + sizeof stack, SERVER_UTCB, PRIORITY), portal = new_selector();
  must(factory_create_portal(self.utcb, OWN_FACTORY, portal, thread, 1, 0), "no portal");
  for (u64 n = 1; n <= 3; n++) {
    self.utcb->words[0] = n;
    must(call(self.utcb, portal, 0x2000, 1), "a call failed");
    u64 answer = self.utcb->words[0]; /* before the next message takes its place */
    print("the sum is ");
    print_number(answer, 10);
    print("\\n");
  }
  end(0, "");
}
`;

const makefile = (name: string, folder: string): string => `TESSERA ?= ${relative(folder, projectRoot())}
CC = riscv64-linux-gnu-gcc
CFLAGS = -march=rv64gc -mabi=lp64d -O2 -g -ffreestanding -fno-pic -fno-pie -fno-stack-protector -mcmodel=medany -mno-relax -Wall \\
  -Wextra -Wno-main -I$(TESSERA)/guests/include
LDFLAGS = -nostdlib -static -no-pie -Wl,--no-relax -Wl,-T,$(TESSERA)/guests/native/native.ld -Wl,-z,max-page-size=4096 -Wl,--build-id=none

${name}.elf: ${name}.c
\t$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(TESSERA)/guests/native/start.S $<

clean:
\trm -f ${name}.elf
`;

const nativeScenario = (name: string): string => `import { defineScenario } from 'tessera';

export default defineScenario({
  name: '${name}',
  summary: 'a native RISC-V program',
  components: { ${underscored(name) === name ? name : `'${name}'`}: { program: { elf: '${name}' }, memory: '1M' } },
  files: { '${name}': '${name}.elf' },
  expect: [{ from: '${name}', text: 'the sum is 6' }],
  budget: 1e9,
  ram: '64M',
});
`;

const server = (body: string): string => `import { serve, type Program } from 'tessera';

const server: Program = {
  name: 'server',
  *main(sys, env) {
    let sum = 0;
    yield* serve(sys, env, 'counting', {
      open: () => undefined,
      *request(own) {
${body.replaceAll(/^ {4}/gm, '        ').replaceAll('sys.', 'own.')}
      },
    });
    void sum;
  },
};
export default server;
`;

const labPage = (name: string): string => `# ${name}

Write a server that counts (\`server.ts\`).

## Read first

## The task

The service \`counting\`: a request 0x2000 with a number *n* adds it, and answers the sum of all numbers so far.

## Check it

\`tessera lab check .\`

## Hints

<details><summary>Where is the number?</summary>

\`own.utcb.word(0)\`, before the next system call.
</details>

## Questions

1. Who may add, and who decides that?
`;

const grader = (name: string): string => `/** What the lab checks, and how: worlds in which the submission meets a driver of ours. */
import { ask, program, same, type Lab, type Random, type World } from 'tessera-labs';

const COUNT = { label: 0x2000, in: ['n'], out: ['sum'], doc: '' };

function counting(random: Random): World {
  const numbers = Array.from({ length: 5 }, () => random.between(1, 1000)), sums: number[] = [];
  const driver = program('driver', function* (sys, env) {
    for (const n of numbers) sums.push((yield* ask(sys, env.cap('server'), COUNT, [n])) === 0 ? sys.utcb.word(0) : -1);
  });
  return {
    name: 'five numbers',
    components: (s) => ({
      server: { program: s.program('server.ts'), provides: ['counting'] }, driver: { program: driver, caps: { server: 'server' } },
    }),
    judge: (seen, say) => same(say, 'sums', \`the sums of \${numbers.join(', ')}\`,
      numbers.map((_, i) => numbers.slice(0, i + 1).reduce((a, b) => a + b)), sums.length ? sums : seen.why),
  };
}

const lab: Lab = {
  number: 0, name: '${name}', title: '${name}', hours: [1, 2], language: 'typescript', files: ['server.ts'],
  checks: [{ id: 'sums', points: 100, title: 'each answer is the sum so far', mistake: 'keep the sum outside of the handler' }],
  variant: () => ({}),
  worlds: (_variant, random) => [counting(random)],
};
export default lab;
`;
