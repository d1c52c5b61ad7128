import { describe, expect, it } from 'vitest';
import { Part } from './payload.ts';
import { packTables, unpackTables } from './tables.ts';

const tables = [{ at: 0x8000_1000n, entries: [[0, 0x2000_0401n], [511, 0xcfn]] as const }, { at: 0x8000_5000n, entries: [] }];
const part = (bytes: Uint8Array) => ({ sequence: 7, part: Part.tables, index: 0, bytes });

describe('page tables in a recording', () => {
  it('are read as they were written: what is not there is zero in a table that is, and unknown elsewhere', () => {
    const snapshot = unpackTables(part(packTables({ thread: 3, task: 2, roots: { first: 8n << 60n, second: 9n << 60n }, tables })));
    expect([snapshot.sequence, snapshot.thread, snapshot.task, snapshot.roots]).toEqual([7, 3, 2, { first: 8n << 60n, second: 9n << 60n }]);
    expect([0x8000_1000n, 0x8000_1ff8n, 0x8000_1008n, 0x8000_5000n, 0x8000_2000n].map((a) => snapshot.read(a))).toEqual([0x2000_0401n,
      0xcfn, 0n,
      0n, undefined]);
  });
  it('with one stage have one root', () => {
    expect(unpackTables(part(packTables({ thread: 3, task: 2, roots: { first: 8n << 60n },
      tables: [] }))).roots).toEqual({ first: 8n << 60n });
  });
  it('that are damaged anywhere yield what stands before', () => {
    const bytes = packTables({ thread: 3, task: 2, roots: { first: 0n }, tables });
    for (let length = 0; length <= bytes.length; length += 8) for (const at of [0, 32, 40, 48, 56]) {
      const bad = bytes.slice(0, length);
      if (at < length) bad.fill(255, at, at + 8);
      expect(unpackTables(part(bad)).sequence).toBe(7);
    }
  });
});
