import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Recording } from './recording.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-recording-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'outside');

describe('a recording of the outside', () => {
  it('gives back what came in, when and where, and the seed', () => {
    const recording = new Recording(path, undefined, 7);
    recording.passed({ cycle: 5, channel: 'console0', kind: 'size', columns: 80, rows: 24 });
    recording.passed({ cycle: 1e12, channel: 'console0', kind: 'bytes', data: Uint8Array.of(0, 10, 255) });
    recording.passed({ cycle: 2e12, channel: 'console0', kind: 'end' });
    recording.close();
    const replay = new Recording(undefined, path, undefined);
    expect(replay.seed).toBe(7);
    expect(replay.arrivals).toEqual([
      { cycle: 5, channel: 'console0', kind: 'size', columns: 80, rows: 24 },
      { cycle: 1e12, channel: 'console0', kind: 'bytes', data: Uint8Array.of(0, 10, 255) },
      { cycle: 2e12, channel: 'console0', kind: 'end' },
    ]);
  });

  it('refuses another seed than its own', () => {
    expect(() => new Recording(undefined, path, 8)).toThrow('was made with seed 7; leave --seed away');
  });

  it('refuses what is no recording, or has been damaged', () => {
    const head = '{"tessera":"outside","version":1,"seed":1}\n', line = '{"cycle":1,"channel":"console0","kind":"end"}\n';
    for (const text of [
      '', '{}', 'null\n', head.replace('1', '"x"').replace('version":1', 'version":2'), `${head}{"cycle":1,"cha\n${line}`,
      `${head}${line.replace('console0', '__proto__')}${line}`, `${head}${line}${line.replace('1', '-1')}${line}`
    ]) {
      writeFileSync(path, text);
      expect(() => new Recording(undefined, path, undefined), text).toThrow('is not a recording of ours, or is damaged');
    }
  });

  it('replays one that breaks off in its last line up to there', () => {
    writeFileSync(path, '{"tessera":"outside","version":1,"seed":1}\n{"cycle":1,"channel":"console0","kind":"end"}\n{"cycle":2,"cha');
    expect(new Recording(undefined, path, undefined).arrivals).toEqual([{ cycle: 1, channel: 'console0', kind: 'end' }]);
  });

  it('says that the disk is full, once', () => {
    expect(() => new Recording('/dev/full', undefined, 1)).toThrow(
      "recording '/dev/full' could not be written: no space left on the device");
  });
});
