import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FolderError, type Attributes, type Path } from '../../system/folders/folder.ts';
import { NineServer } from '../../system/folders/server.ts';
import { TestClient } from '../../system/folders/testing.ts';
import { SharedFolder } from '../../system/folders/shared.ts';
import { temporaryFolder } from '../../test/temporary.ts';
import { NodeFolder } from './folder.ts';

/** A folder from which the host takes names away between their listing and the look at them. */
class Vanishing extends NodeFolder {
  readonly gone = new Set<string>();
  override stats(folder: Path, names: readonly string[]): (Attributes | FolderError)[] {
    const found = super.stats(folder, names);
    return names.map((name, i) => (this.gone.has(name) ? new FolderError('ENOENT') : found[i]!));
  }
}

it('lists on when all names that fit into a message have gone: an empty answer would be the end', () => {
  const host = temporaryFolder('listing');
  for (let i = 0; i < 40; i++) writeFileSync(join(host, `f${i}`), '');
  const folder = new Vanishing(host), client = new TestClient(new NineServer(new SharedFolder(folder, true, () => 0n))), most = 150;
  const names = client.list('/', most).map((e) => e.name);
  expect(names.length).toBe(42);
  for (const name of names.slice(10, 30)) folder.gone.add(name);
  expect(client.list('/', most).map((e) => e.name)).toEqual([...names.slice(0, 10), ...names.slice(30)]);
});
