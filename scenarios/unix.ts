/** A Unix server with a console, for scenarios about one Unix mechanism. */
import { consoleMux } from '../roottask/console/console.ts';
import { uart } from '../roottask/drivers/uart.ts';
import type { Component } from '../roottask/scenario.ts';
import type { ScenarioFile } from './define.ts';
import { unixComponent } from './worlds.ts';

/** The UART's driver and the multiplexer before it. */
export const terminal: Record<string, Component> = {
  uart: { program: uart, provides: ['stream'], devices: ['uart'], priority: 150 },
  console: { program: consoleMux, provides: ['stream'], caps: { out: 'uart' }, priority: 140 },
};
export const linesFor = (label: string): Component['caps'] => ({ stdio: { from: 'console', label }, stderr: { from: 'console', label } });

/** A component `linux` that runs these words; `programs` come from guests/bin/linux. */
export function unixStory(argv: readonly string[], programs: readonly string[]): Pick<ScenarioFile, 'components' | 'log' | 'files'> {
  return {
    components: { ...terminal, linux: unixComponent({ argv, env: ['PATH=/bin'], files: programs, memory: 24 << 20 }, linesFor('linux')) },
    log: 'console',
    files: Object.fromEntries(programs.map(p => [p, `guests/bin/linux/${p}`])),
  };
}
