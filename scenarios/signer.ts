/**
 * A secure program next to a virtual machine: a task with the key signs the guest's orders. The guest's kernel calls it through firmware,
 * its user program through a doorbell that the kernel maps; then the guest searches all of its memory for the key.
 *
 * Twin: there is no such task, and the guest signs itself. An attacker who takes over the guest finds the key.
 */
import { defineScenario } from './define.ts';
import { SIGN, bank, signer } from './signing.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

export default defineScenario({
  name: 'signer',
  summary: 'a guest has its orders signed by a task beside it, from its kernel and from a user program; the key is nowhere in its memory',
  parameters: { key: { default: 'outside', values: ['outside', 'inside'],
    doc: 'who has the key: a task beside the machine, or the guest' } },
  build: ({ key }) => ({
    components: {
      ...terminal,
      vm: machineComponent({ kernel: key === 'outside' ? 'guest' : 'guest-with-key', memory: 8 << 20,
        more: { portals: [{ cap: 'signer', label: SIGN.label }] } },
        { console: { from: 'console', label: 'vm' }, signer: 'signer' }),
      signer: { program: signer, args: { key: 'a key that nobody else has' }, provides: ['signer'], priority: 110 },
      bank: { program: bank, args: { count: 10, everyMs: 1 }, caps: { signer: 'signer' } },
    },
  }),
  log: 'console',
  files: { guest: 'guests/bin/signer.bin', 'guest-with-key': 'guests/bin/signer-inside.bin' },
  expect: [
    { from: 'vm', text: 'for the kernel, by a call of firmware: 8e771d114f209210e1f21fb6cdf08b5c5fcfae75789d2ade719d5d7c29dce497' },
    { from: 'vm', text: 'for a user program, by the doorbell: 8e771d114f209210e1f21fb6cdf08b5c5fcfae75789d2ade719d5d7c29dce497' },
    { from: 'vm', text: 'other portals and other memory are refused' },
    { from: 'vm', text: 'the key is not here' },
    { from: 'bank', text: '10 signatures, 1 kind: 8e771d114f209210e1f21fb6cdf08b5c5fcfae75789d2ade719d5d7c29dce497' },
  ],
  holds: [
    { filter: 'from:vm to:signer kind:call', exactly: 2, why: 'two requests came from the machine, and no third' },
  ],
  endings: {
    exposed: {
      why: "the guest signs for itself, and the key stands in its memory",
      expect: [
        { from: 'vm', text: 'by the guest itself: 8e771d114f209210e1f21fb6cdf08b5c5fcfae75789d2ade719d5d7c29dce497' },
          { from: 'vm', text: "the key is in this machine's memory" },
      ],
    },
  },
  twin: { set: { key: 'inside' }, ending: 'exposed' },
  budget: 20e9,
  story: 'docs/scenarios/signer.md',
});
