import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it, vi } from 'vitest';

const module = pathToFileURL(join(import.meta.dirname, 'temporary.ts')).href;
const program = `const { temporaryFolder } = await import('${module}'); console.log(temporaryFolder('spec')); setInterval(() => {}, 1000);`;

it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)('removes the folder of a command that %s ends', async (signal) => {
  const words = ['--import', 'tsx', '--input-type=module', '-e', program],
    child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = await once(child.stdout, 'data') as [Buffer], folder = String(said).trim();
  writeFileSync(join(folder, 'large'), 'x');
  child.kill(signal);
  await once(child, 'exit');
  await vi.waitFor(() => expect(existsSync(folder)).toBe(false), { timeout: 30_000 });
});
