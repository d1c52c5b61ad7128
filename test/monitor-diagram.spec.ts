import { expect, it } from 'vitest';
import { HANDLED } from '../trace/degradation.ts';
import { exits } from '../vmm/dispatcher.ts';
import { readPage, withDiagram } from './monitor-diagram.ts';

it('docs/techniques.md shows the monitor as its code is (npx tsx test/monitor-diagram.ts)', () => {
  expect(withDiagram(readPage())).toBe(readPage());
});
it('each exit of the dispatcher is counted for a module', () => {
  for (const { cause, handle } of exits) expect(HANDLED[cause], handle.name).toBeDefined();
});
