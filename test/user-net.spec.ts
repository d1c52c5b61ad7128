/** `--net user`: guests reach servers of the host, the host reaches servers of guests, and a replay needs neither. */
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { imagesFolder } from '../cli/images/where.ts';
import { tessera, type Run } from './tessera.ts';

const images = imagesFolder(), kernel = join(images, 'vmlinuz'), initramfs = join(images, 'initramfs.cpio');
const missing = !existsSync(join(images, 'manifest.json'));
if (missing) console.warn('skipped: no images (tessera images fetch)');
const minutes = 60_000, folder = mkdtempSync(join(tmpdir(), 'tessera-user-net-'));
afterAll(() => rmSync(folder, { recursive: true }));

const BIG = 3 << 20;
const listening = (server: Server): Promise<number> =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
const webServer = (): Server => createServer((request, response) =>
  void response.end(request.url === '/big' ? Buffer.alloc(BIG, 65) : 'hello from the host\n'));
const setUp = 'modprobe virtio_net; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0; ip route add default via 10.0.2.2';

function boot(world: 'vm' | 'bare', script: string, more: string[]): Promise<Run> {
  return tessera([world, '--kernel', kernel, '--initrd', initramfs, '--append', 'console=ttyS0 quiet', ...more],
    { input: `${setUp}; ${script}; poweroff -f\n`, timeout: 2 * minutes });
}

describe('a network that leads out', () => {
  for (const world of ['vm', 'bare'] as const) {
    it.skipIf(missing)(`brings pages of the host into ${world}, says what is refused, and replays without the host`, async () => {
      const server = webServer(), port = await listening(server), recording = join(folder, `${world}.rec`);
      const script = `wget -qO- http://10.0.2.2:${port}/; wget -qO- http://10.0.2.2:${port}/big | wc -c; wget -qO- http://10.0.2.2:1/ || `
        + `echo no; ping -c 1 10.0.2.2`;
      const first = await boot(world, script, ['--net', 'user', '--record', recording]);
      await new Promise((resolve) => server.close(resolve));
      expect(first.stdout).toMatch(/hello from the host\r?\n/);
      expect(first.stdout).toContain(String(BIG));
      expect(first.stdout).toContain('Connection refused');
      expect(first.stdout).toContain('1 packets received');
      expect(await boot(world, script, ['--net', 'user', '--replay', recording])).toEqual(first);
    }, 4 * minutes);
  }

  it.skipIf(missing)('brings pages into the Unix server, which has an interface, a route and a name server, and replays without the host',
    async () => {
    const server = webServer(), port = await listening(server), recording = join(folder, 'run.rec'), rootfs = join(images, 'rootfs');
    const script = `ip -4 addr show eth0; ip route; wget -qO- http://10.0.2.2:${port}/; wget -qO- http://10.0.2.2:${port}/big | wc -c; `
      + `wget -qO- http://10.0.2.2:1/; ping -c 1 10.0.2.2`;
    const run = (more: string[]): Promise<Run> =>
      tessera(['run', '--rootfs', rootfs, '--net', 'user', ...more, 'sh', '-c', script], { timeout: 2 * minutes });
    const first = await run(['--record', recording]);
    await new Promise((resolve) => server.close(resolve));
    for (const text of ['10.0.2.15/24', 'default via 10.0.2.2', 'hello from the host', String(BIG), '1 packets received'])
      expect(first.stdout).toContain(text);
    expect(first.stderr).toContain('Connection refused');
    expect(await run(['--replay', recording])).toEqual(first);
  }, 4 * minutes);

  it.skipIf(missing)('leads a port of the host to a server in the guest', async () => {
    const free = await listening(webServer().on('listening', function close(this: Server) { setImmediate(() => this.close()); }));
    const done = boot('vm', 'echo from the guest > /tmp/index.html; httpd -p 80 -h /tmp; sleep 8',
      ['--net', `user,hostfwd=tcp::${free}-:80`]);
    let page = '', over = false;
    void done.finally(() => { over = true; });
    while (!over && !page.includes('from the guest')) page = await ask(free);
    await done;
    expect(page).toContain('from the guest');
  }, 4 * minutes);

  it('refuses a port that is taken, and words that make no sense, in one line', async () => {
    const server = webServer(), port = await listening(server);
    const run = (net: string): Promise<Run> => tessera(['bare', 'guests/bin/minios.elf', '--net', net]);
    expect(await run(`user,hostfwd=tcp::${port}-:80`)).toMatchObject({
      status: 2, stderr: expect.stringMatching(/^tessera: E_NET: [^\n]*EADDRINUSE[^\n]*\n$/)
    });
    for (const wrong of [
      'user,hostfwd=tcp:80', 'user,hostfwd=sctp::1-:2', 'user,restrict=maybe', 'user,hostfwd=tcp::0-:1', 'user,hostfwd=tcp:name:1-:2'
    ]) {
      expect(await run(wrong)).toMatchObject({ status: 2, stderr: expect.stringMatching(/^tessera: E_OPTION: [^\n]+\n$/) });
    }
    server.close();
  }, minutes);
});

/** The answer of an HTTP server at that port of the host, empty while there is none. */
function ask(port: number): Promise<string> {
  return new Promise((resolve) => {
    let said = '';
    const socket = connect(port, '127.0.0.1', () => socket.write('GET /index.html HTTP/1.0\r\n\r\n'));
    socket.on('data', (data) => { said += String(data); });
    socket.on('error', () => {});
    socket.on('close', () => setTimeout(() => resolve(said), 50));
    socket.setTimeout(3000, () => socket.destroy());
  });
}
