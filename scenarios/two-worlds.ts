/**
 * Two worlds on one microkernel. On the left a Unix server whose processes are tasks of their own, running a shell script with a
 * pipeline; on the right a virtual machine with an operating system in it. They share a terminal and cannot see each other.
 */
import { consoleMux } from '../roottask/console/console.ts';
import { uart } from '../roottask/drivers/uart.ts';
import { defineScenario } from './define.ts';
import { machineComponent, unixComponent } from './worlds.ts';

const PROGRAMS = ['sh', 'echo', 'cat', 'seq', 'sort', 'tr', 'wc', 'head', 'ps', 'uname', 'sleep'];
const SCRIPT = `uname
sleep 0.02
seq 5 | sort -r | tr 1-5 a-e
sleep 0.02
echo "processes: each one is a task"
ps
seq 1000 | wc -l`;

export default defineScenario({
  name: 'two-worlds',
  summary: 'a Unix server with a pipeline, and beside it a virtual machine',
  components: {
    uart: { program: uart, provides: ['stream'], devices: ['uart'], priority: 150 },
    console: { program: consoleMux, provides: ['stream'], caps: { out: 'uart' }, priority: 140 },
    vm: machineComponent({ kernel: 'minios', memory: 32 << 20 }, { console: { from: 'console', label: 'vm' } }),
    linux: unixComponent({ argv: ['/bin/sh', '-c', SCRIPT], env: ['PATH=/bin'], files: PROGRAMS, memory: 32 << 20 }, {
      stdio: { from: 'console', label: 'linux' }, stderr: { from: 'console', label: 'linux' },
    }),
  },
  log: 'console',
  files: { ...Object.fromEntries(PROGRAMS.map(p => [p, `guests/bin/linux/${p}`])), minios: 'guests/bin/minios.bin' },
  expect: [
    { from: 'linux', text: 'e' }, { from: 'linux', text: '1000' },
    { from: 'vm', text: 'minios: tick 1' }, { from: 'vm', text: 'power off' },
  ],
  budget: 60e9,
  story: 'docs/scenarios/two-worlds.md',
});
