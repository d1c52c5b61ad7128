/** Long answers leave in pieces, and nothing of them stays in the process. */
import { describe, expect, it, vi } from 'vitest';
import { gathered, toStandardOutput } from './standard-output.ts';

describe('a long answer', () => {
  it('is written in large pieces, and the event loop turns after each: Node keeps notes of writes until then', async () => {
    let turns = 0, isOver = false;
    const writtenAt: number[] = [], count = (): void => { turns++; if (!isOver) setImmediate(count); };
    const write = vi.spyOn(process.stdout, 'write').mockImplementation(() => { writtenAt.push(turns); return true; });
    setImmediate(count);
    try {
      await toStandardOutput(Array.from({ length: 5000 }, (_, i) => `${i}`.padEnd(99) + '\n'));
    } finally {
      isOver = true;
      write.mockRestore();
    }
    expect(writtenAt).toHaveLength(8);
    expect(writtenAt.every((at, i) => i === 0 || at > writtenAt[i - 1]!)).toBe(true);
  });

  it('is the same in pieces', () => {
    const rows = Array.from({ length: 3000 }, (_, i) => `line ${i} …\n`);
    expect(Buffer.concat([...gathered(rows)]).toString()).toBe(rows.join(''));
  });
});
