/**
 * Guests of a few instructions in a real virtual machine: each register access, SBI call and ending comes through machine, kernel and vmm.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bootScenario } from './audited.ts';
import { assemble } from '../hardware/isa/assemble.ts';
import { audit } from '../microkernel/index.ts';
import { consoleDriver } from '../scenarios/devices.ts';
import { machineComponent } from '../scenarios/worlds.ts';
import { eventsByCause } from '../system/report.ts';

const ENTRY = 0x8020_0000, MIB = 1 << 20;
const minios = new Uint8Array(readFileSync(fileURLToPath(new URL('../guests/bin/minios.bin', import.meta.url))));

interface Run {
  readonly status: number;
  readonly text: string;
  readonly why: string;
  readonly exits: Record<string, number>;
  readonly crashes: number;
  readonly problems: readonly string[]
}

async function run(kernel: Uint8Array, more: Record<string, unknown> = {},
    options: { smp?: number; harts?: number; append?: string; instructions?: number } = {}): Promise<Run> {
  let text = '';
  const decoder = new TextDecoder(),
    component = machineComponent({
      kernel: 'kernel', memory: 16 * MIB, smp: options.smp, append: options.append, more: { ...more, harts: options.harts ?? 1 }
    },
      { console: 'terminal' });
  const scenario = {
    name: 'vmm', summary: '', status: 'vm', harts: options.harts ?? 1, components: { terminal: consoleDriver('console0'), vm: component }
  };
  const system = bootScenario(scenario,
    {
      output: (channel, bytes) => { if (channel === 'console0') text += decoder.decode(bytes); }, consoles: 1,
      modules: [{ name: 'kernel', bytes: kernel }]
    },
    { maxInstructions: options.instructions ?? 60_000_000 });
  const { status, why } = await system.run();
  return {
    status, text, why, exits: eventsByCause(system.kernel), crashes: system.kernel.crashes, problems: audit(system.kernel)
  };
}

/** Bare code: s0 = UART, putchar prints the byte in a0, finish powers off. */
const guest = (body: string): Uint8Array => assemble(`
    lui s0, 0x10000
    la t0, trap
    csrw stvec, t0
    ${body}
finish:
    lui t0, 0x100
    lui t1, 5
    addi t1, t1, 0x555
    sw t1, 0(t0)
hang: wfi
    j hang
    .align 2
trap:
    csrr s1, scause
    addi a0, s1, 0x41
    sb a0, 0(s0)
    csrr s1, sepc
    lhu s2, 0(s1)
    andi s2, s2, 3
    addi s2, s2, -3
    beqz s2, long
    addi s1, s1, -2
long: addi s1, s1, 4
    csrw sepc, s1
    sret
`, ENTRY).bytes;
const raw = (body: string, options = {}): Promise<Run> => run(guest(body), { raw: true }, options);

describe('a guest', () => {
  it('reads and writes device registers with every kind of load and store', async () => {
    const run = await raw(`
      li a0, 0x48; sb a0, 0(s0)
      li a5, 0x57; sb a5, 7(s0); lbu a1, 7(s0); sb a1, 0(s0)
      addi a2, s0, 7; lb t3, 0(a2); sb t3, 0(s0)
      li a3, 0xffffffff80; sb a3, 7(s0); lb t4, 7(s0); li t5, -128; bne t4, t5, bad
      lbu t4, 7(s0); li t5, 128; bne t4, t5, bad
      lui a4, 0xc000; li a5, 5; c.sw a5, 4(a4); c.lw a3, 4(a4); bne a3, a5, bad
      sw a5, 8(a4); ld a3, 4(a4); li t5, 5; slli t6, t5, 32; or t5, t5, t6; nop
      lwu a3, 8(a4); bne a3, a5, bad
      li a0, 0x6f; j out
bad:  li a0, 0x78
out:  sb a0, 0(s0)`);
    expect(run).toMatchObject({ status: 0, text: expect.stringMatching(/^HWW.?o$/), crashes: 0, problems: [] });
  });
  it('gets access faults where nobody is, for atomics on registers, and for fetches outside of memory', async () => {
    // Letters are scause + 'A': load F, store H, fetch B.
    const run = await raw(`
      lui t1, 0x20000; lw a1, 0(t1); sw a1, 0(t1)
      amoadd.w a1, a2, (s0)
      lui a4, 0xc000; lw a1, 2(a4)
      lui t2, 0x30000; la t0, after; csrw stvec, t0; jr t2
      .align 2
after: csrr a0, scause; addi a0, a0, 0x41; sb a0, 0(s0)`);
    expect(run).toMatchObject({ status: 0, text: 'FHHFB', crashes: 0 });
  });
  it('has no hypervisor extension of its own', async () => {
    const run = await raw('csrr a0, hstatus; hfence.gvma x0, x0; .word 0x10500073');
    expect([run.status, run.text.slice(0, 2)]).toEqual([1, 'CC']); // wfi without any interrupt enabled waits for ever
  });
  it('fails, reboots, or powers off as it says', async () => {
    const end = (value: number): Promise<Run> => raw(`lui t0, 0x100; li t1, ${value}; sw t1, 0(t0)`);
    expect((await end(0x5555)).status).toBe(0);
    expect(await end(0x3333 | (9 << 16))).toMatchObject({ status: 1, crashes: 0 });
    const again = await raw(`rdtime a0; li a1, 50000; bltu a0, a1, first; j finish
      first: li a0, 0x52; sb a0, 0(s0); one: rdtime a0; bltu a0, a1, one; lui t0, 0x100; li t1, 0x7777; sw t1, 0(t0)`);
    expect(again).toMatchObject({ status: 0, text: 'R', crashes: 0, problems: [] });
    expect(again.exits['startup']).toBe(2);
  });
});

describe('a virtio console', () => {
  it('carries what the guest puts into its queue, beside the serial port', async () => {
    let text = '', second = '';
    // The driver's side by hand: features, queue 1 (transmit) with one descriptor, notify. The first virtio slot is the entropy device.
    const code = guest(`
      li s2, 0x10002000; li s3, 0x80300000
      li t0, 3; sw t0, 0x70(s2)
      li t0, 1; sw t0, 0x24(s2); sw t0, 0x20(s2); li t0, 11; sw t0, 0x70(s2)
      li t0, 1; sw t0, 0x30(s2); li t0, 8; sw t0, 0x38(s2)
      sw s3, 0x80(s2); li t0, 0x80301000; sw t0, 0x90(s2); li t0, 0x80302000; sw t0, 0xa0(s2)
      li t0, 1; sw t0, 0x44(s2); li t0, 15; sw t0, 0x70(s2)
      li t0, 0x21647568; li t1, 0x80303000; sw t0, 0(t1)
      sd t1, 0(s3); li t0, 4; sw t0, 8(s3)
      li t1, 0x80301000; li t0, 1; sh t0, 2(t1)
      li t0, 1; sw t0, 0x50(s2)
      li t1, 0x80302000; lhu a0, 2(t1); addi a0, a0, 0x30; sb a0, 0(s0)`);
    const component = machineComponent({ kernel: 'kernel', memory: 16 * MIB, more: { raw: true, virtioConsole: 'hvc' } },
      { console: 'terminal', hvc: 'other' });
    const scenario = {
      name: 'hvc', summary: '', status: 'vm',
      components: { terminal: consoleDriver('console0'), other: consoleDriver('console1'), vm: component }
    };
    const output = (channel: string, bytes: Uint8Array): void => {
      if (channel === 'console0') text += new TextDecoder().decode(bytes);
      if (channel === 'console1') second += new TextDecoder().decode(bytes);
    };
    const { status } = await bootScenario(scenario, { output, consoles: 2, modules: [{ name: 'kernel', bytes: code }] },
      { maxInstructions: 1_000_000 }).run();
    expect([status, text, second]).toEqual([0, '1', 'hud!']);
  });
});

describe('minios', () => {
  it('runs to its end, the same with one vCPU and with two, on one hart and on two', async () => {
    for (const [smp, harts] of [[1, 1], [2, 1], [2, 2]]) {
      const ran = await run(minios, {}, { smp, harts, append: 'ticks=3' });
      expect(ran).toMatchObject({ status: 0, crashes: 0, problems: [] });
      expect(ran.text).toContain('minios: 3 ticks');
      expect(ran.text.includes('hart 1 is up')).toBe(smp === 2);
    }
  });
  it('ends with 1 when it panics', async () => { expect((await run(minios, {}, { append: 'panic=1' })).status).toBe(1); });
});

describe('any guest', () => {
  it('cannot make the vmm crash, whatever its code is', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.nat(0xffff_ffff), { minLength: 16, maxLength: 64 }), async (words) => {
      const prologue = assemble('lui s0, 0x10000; lui s1, 0xc000; lui a1, 0x10001; lui a2, 0x101; lui sp, 0x80300; la t0, here; csrw '
        + 'stvec, t0; .align 2; here: li a7, 0x48534d',
        ENTRY).bytes;
      const code = new Uint8Array(prologue.length + 4 * words.length);
      code.set(prologue);
      words.forEach((w, i) => new DataView(code.buffer).setUint32(prologue.length + 4 * i, w, true));
      const ran = await run(code, { raw: true, rebootIsExit: true }, { instructions: 50_000 });
      expect(ran).toMatchObject({ crashes: 0, problems: [] });
    }), { numRuns: 6 });
  });
});
