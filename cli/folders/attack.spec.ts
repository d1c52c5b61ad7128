/**
 * A program of the host exchanges folders, files and links as fast as it can while a guest works beneath them: nothing outside is read,
 * made, changed or removed.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Set as Valid } from '../../roottask/client/ninep/index.ts';
import { NineServer } from '../../system/folders/server.ts';
import { SharedFolder } from '../../system/folders/shared.ts';
import { Refused, TestClient } from '../../system/folders/testing.ts';
import { NodeFolder } from './folder.ts';

const SECONDS = Number(process.env['TESSERA_ATTACK_SECONDS'] ?? 3);

/** Folder `a/b` is by turns itself, a link outward, moved outside, and gone; so is the file `a/f`. */
const SWAPPER = `
const fs = require('fs'), [host, outside] = process.argv.slice(1), quiet = (f) => { try { f(); } catch {} };
const inside = (n) => host + '/a/' + n;
for (const end = Date.now() + ${SECONDS} * 1000 + 500; Date.now() < end; ) {
  for (const n of ['b', 'f']) {
    quiet(() => fs.renameSync(inside(n), inside(n + '.real')));
    quiet(() => fs.symlinkSync(n === 'b' ? outside : outside + '/victim', inside(n)));
    quiet(() => fs.unlinkSync(inside(n)));
    quiet(() => fs.renameSync(inside(n + '.real'), inside(n)));
  }
  quiet(() => fs.renameSync(inside('b'), outside + '/moved'));
  quiet(() => fs.symlinkSync(outside, inside('b')));
  quiet(() => fs.unlinkSync(inside('b')));
  quiet(() => fs.renameSync(outside + '/moved', inside('b')));
  quiet(() => fs.renameSync(host + '/a', host + '/x'));
  quiet(() => fs.symlinkSync(outside, host + '/a'));
  quiet(() => fs.unlinkSync(host + '/a'));
  quiet(() => fs.renameSync(host + '/x', host + '/a'));
  quiet(() => fs.mkdirSync(inside('b')));
  quiet(() => fs.writeFileSync(inside('f'), 'inside'));
}`;

const nothing = { mode: 0, uid: 0, gid: 0, size: 0n, atimeSec: 0, atimeNsec: 0, mtimeSec: 0, mtimeNsec: 0 };

/** What a guest does, each on names that are being exchanged. */
const deeds: readonly ((c: TestClient, text: (s: string) => void) => void)[] = [
  (c, saw) => saw(c.contents('/a/b/victim')),
  (c, saw) => saw(c.contents('/a/f')),
  (c) => c.clunk(c.create('/a/b', 'planted', 'owned')),
  (c) => c.clunk(c.create('/a/b', 'victim', 'owned', 0o644, 0o1002)),
  (c) => { const fid = c.open('/a/f', 0o1002); c.write(fid, 'owned'); c.clunk(fid); },
  (c) => c.call('mkdir', { fid: c.at('/a/b'), name: 'planted-folder', mode: 0o755, gid: 0 }),
  (c) => c.call('symlink', { fid: c.at('/a/b'), name: 'planted-link', target: '/', gid: 0 }),
  (c) => c.call('unlinkat', { fid: c.at('/a/b'), name: 'victim', flags: 0 }),
  (c) => c.call('unlinkat', { fid: c.at('/a/b'), name: 'folder', flags: 0x200 }),
  (c) => c.call('renameat', { from: c.at('/a/b'), oldName: 'victim', to: 0, newName: 'stolen' }),
  (c) => c.call('renameat', { from: c.at('/a'), oldName: 'f', to: c.at('/a/b'), newName: 'victim' }),
  (c) => c.call('link', { folder: 0, fid: c.at('/a/b/victim'), name: `hard${Math.random()}` }),
  (c) => c.call('link', { folder: c.at('/a/b'), fid: c.at('/a/f'), name: 'planted-hard' }),
  (c) => c.call('setattr', { ...nothing, fid: c.at('/a/b/victim'), valid: Valid.mode, mode: 0o777 }),
  (c) => c.call('setattr', { ...nothing, fid: c.at('/a/f'), valid: Valid.size, size: 0n }),
  (c, saw) => { for (const { name } of c.list('/a/b')) saw(name); },
];

describe.skipIf(process.platform !== 'linux')('a folder whose parts are being exchanged', () => {
  it('never leads outside', async () => {
    const base = mkdtempSync(join(tmpdir(), 'tessera-attack-')), host = join(base, 'shared'), outside = join(base, 'outside');
    mkdirSync(join(host, 'a/b'), { recursive: true });
    mkdirSync(join(outside, 'folder'), { recursive: true });
    writeFileSync(join(outside, 'victim'), 'secret', { mode: 0o600 });
    writeFileSync(join(host, 'a/f'), 'inside');
    const folder = new NodeFolder(host), shared = new SharedFolder(folder, true, () => 0n);
    const swapper = spawn(process.execPath, ['-e', SWAPPER, host, outside], { stdio: 'ignore' });
    const seen = new Set<string>();
    let done = 0, refused = 0;
    for (const end = Date.now() + SECONDS * 1000; Date.now() < end; ) {
      const server = new NineServer(shared), client = new TestClient(server);
      for (const deed of deeds) {
        try {
          deed(client, (text) => seen.add(text));
          done++;
        } catch (error) {
          if (!(error instanceof Refused)) throw error;
          refused++;
        }
      }
      server.close();
    }
    await new Promise((resolve) => { swapper.on('exit', resolve); });
    folder.close();
    expect(readFileSync(join(outside, 'victim'), 'utf8')).toBe('secret');
    expect(statSync(join(outside, 'victim'))).toMatchObject({ mode: 0o100600, nlink: 1 });
    expect(readdirSync(outside).filter((name) => name !== 'moved').sort()).toEqual(['folder', 'victim']);
    expect(seen).not.toContain('secret');
    // Both happen, or nothing was tried.
    expect(done).toBeGreaterThan(50);
    expect(refused).toBeGreaterThan(50);
    rmSync(base, { recursive: true, force: true });
  }, (SECONDS + 30) * 1000);
});
