/**
 * Four worlds: two virtual machines with Debian's kernel, two Unix servers. One kernel panics, one Unix server is killed. The others are
 * not affected: they finish their work and report it.
 */
import { consoleMux, type Typing } from '../roottask/console/console.ts';
import { uart } from '../roottask/drivers/uart.ts';
import type { Component } from '../roottask/scenario.ts';
import { defineScenario } from './define.ts';
import { machineComponent, unixComponent } from './worlds.ts';

const MIB = 1 << 20;
const APPEND = 'console=ttyS0 panic=-1 loglevel=4';
/** Typed at the machines' shells. */
const SCRIPT: Typing[] = [
  { to: 'vm-a', after: 'READY', type: 'sleep 5; echo a""live; poweroff -f\n' },
  { to: 'vm-b', after: 'READY', type: 'echo c > /proc/sysrq-trigger\n' },
];
const COUNT = 'for i in 1 2 3 4 5 6 7 8 9 10; do echo "step $i"; sleep 1; done; seq 100 | sort -n | tail -1; echo finished';

const vm = (name: string, exit: Component['exit']): Component => ({
  ...machineComponent({ kernel: 'vmlinuz', initrd: 'initramfs', append: APPEND, memory: 256 * MIB, more: { rebootIsExit: true } },
    { console: { from: 'console', label: name } }),
  exit,
});
const unix = (name: string, script: string, exit: Component['exit']): Component => ({
  ...unixComponent({ argv: ['/bin/sh', '-c', script], env: ['PATH=/bin:/usr/bin'], rootfs: 'rootfs', memory: 64 * MIB },
    { stdio: { from: 'console', label: name }, stderr: { from: 'console', label: name } }),
  exit,
});

export default defineScenario({
  name: 'side-by-side',
  summary: 'two Debian machines and two Unix servers: one kernel panics, one server is killed, the others go on',
  components: {
    uart: { program: uart, provides: ['stream'], devices: ['uart'], priority: 150 },
    console: { program: consoleMux, args: { script: SCRIPT }, provides: ['stream'], caps: { out: 'uart' }, priority: 140 },
    'vm-a': vm('vm-a', 0),
    'vm-b': vm('vm-b', 'any'),
    'unix-a': unix('unix-a', COUNT, 0),
    'unix-b': unix('unix-b', 'while true; do echo working; sleep 1; done', 'any'),
  },
  log: 'console',
  files: {},
  images: { vmlinuz: 'images/vmlinuz', initramfs: 'images/initramfs.cpio', rootfs: 'images/rootfs' },
  actions: [{ kill: 'unix-b', afterText: '[unix-a] step 3' }],
  expect: [
    { from: 'unix-a', text: 'finished' }, { from: 'unix-b', text: 'working' }, { from: 'vm-a', text: 'alive' },
    { from: 'vm-b', text: 'Kernel panic' }, { from: 'roottask', text: 'unix-b killed' },
  ],
  budget: 600e9,
  story: 'docs/scenarios/side-by-side.md',
});
