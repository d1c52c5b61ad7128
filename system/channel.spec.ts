import { expect, it } from 'vitest';
import { ChannelEnd } from './channel.ts';

it('holds no more output than a little, however much comes at once', () => {
  let most = 0, total = 0;
  const end: ChannelEnd = new ChannelEnd(() => {
    most = Math.max(most, end.pending);
    total += end.drain().length;
  });
  end.outputBytes(new Uint8Array(10_000_000).fill(0x41));
  for (let i = 0; i < 200_000; i++) end.output(0x42);
  expect(most).toBeLessThanOrEqual(2 * 65_536);
  expect(total + end.pending).toBe(10_200_000);
});
