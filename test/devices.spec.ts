/** Devices of the board under Debian's own drivers, beyond the other system tests. Skipped where the images are not here. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { imagesFolder } from '../cli/images/where.ts';
import { createBoard } from '../machine/board/board.ts';
import { CharChannel } from '../machine/devices/char-channel.ts';
import { loadInitrd, loadProgram } from '../machine/loader/kernel.ts';
import type { Loaded } from '../machine/loader/result.ts';

const images = imagesFolder();
const missing = !existsSync(join(images, 'manifest.json'));
if (missing) console.warn('skipped: no images (tessera images fetch)');

function must<T>(loaded: Loaded<T>): T {
  if (!loaded.ok) throw new Error(loaded.error);
  return loaded.value;
}

describe.skipIf(missing)("Debian's virtio_console", () => {
  it('finds the ports of the device by name, and carries bytes both ways', () => {
    const said = { uart: '', terminal: '', agent: '' };
    const end = (name: keyof typeof said): CharChannel => new CharChannel((byte) => { said[name] += String.fromCharCode(byte); });
    const agent = end('agent');
    const board = createBoard({
      memoryBytes: 256 << 20, harts: 1, console: end('uart'), virtioConsole: end('terminal'),
      consolePorts: [{ backend: agent, console: false, name: 'org.tessera.agent' }]
    });
    const { machine } = board, { memory } = machine;
    const kernel = must(loadProgram(memory, readFileSync(join(images,
      'vmlinuz')), { base: memory.base, gunzip: (bytes) => gunzipSync(bytes), raw: false }));
    const initrd = must(loadInitrd(memory, readFileSync(join(images, 'initramfs.cpio')), kernel.end));
    const command =
      'cat /sys/class/virtio-ports/*/name; echo to the agent > /dev/vport1p1; echo hello > /dev/hvc0; head -n 1 /dev/vport1p1';
    board.startKernel(kernel.entry, { bootargs: `console=ttyS0 quiet RUN="${command}"`, initrd });
    let reason: ReturnType<typeof machine.run>, answered = false;
    do {
      reason = machine.run({ maxCycles: 20_000_000 });
      if (answered || !said.agent.includes('\n')) continue;
      answered = true;
      machine.input(() => agent.send(new TextEncoder().encode('from the host\n')));
    } while (reason.kind === 'yield');
    expect(reason).toEqual({ kind: 'poweroff', code: 0 });
    expect(said).toMatchObject({ terminal: 'hello\r\n', agent: 'to the agent\n' });
    expect(said.uart).toContain('org.tessera.agent\r\nfrom the host\r\n');
  });
});
