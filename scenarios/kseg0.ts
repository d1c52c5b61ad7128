/**
 * A processor with an untranslated window, as MIPS had: for the machine's supervisor 0x80000000 to 0x9fffffff are physical memory, and no
 * monitor can give a guest memory there. The same small operating system twice: linked into the window it is refused, relinked beyond the
 * window it runs. Disco had to relink IRIX for the same reason.
 */
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

const guest = (name: string, kernel: string) =>
  machineComponent({ kernel, memory: 16 << 20 }, { console: { from: 'console', label: name } });

export default defineScenario({
  name: 'kseg0',
  summary: 'a guest that was linked into an untranslated window is refused; relinked, it runs',
  cpu: 'base,kseg0',
  components: { ...terminal, linked: { ...guest('linked', 'minios'), exit: 2 }, relinked: guest('relinked', 'minios-relinked') },
  log: 'console',
  files: { minios: 'guests/bin/minios.elf', 'minios-relinked': 'guests/bin/minios-relinked.elf' },
  expect: [{ from: 'linked', text: 'relink it' }, { from: 'relinked', text: '5 ticks' }],
  budget: 10e9,
  story: 'docs/scenarios/kseg0.md',
});
