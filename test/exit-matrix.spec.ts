/** Operations that the monitor chooses to trap: the guest's results are the same, and it exits as often as expected. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { tessera } from './tessera.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-exits-'));
afterAll(() => rmSync(folder, { recursive: true }));
interface Figures { exits: Record<string, number | undefined>; guest: { exits: { vu: number; vs: number };
  instructions: { vu: number; vs: number } }; instructions: number }
let runs = 0;
async function vm(exits: string, more: string[] = []): Promise<{ said: string; figures: Figures }> {
  const file = join(folder, `${runs++}.json`), run = await tessera(['vm', '--kernel', 'guests/bin/minios.elf', '--memory', '16M',
    `--stats=${file}`,
    ...(exits ? ['--exits', exits] : []), ...more]);
  expect(run).toMatchObject({ status: 0, stderr: '' });
  return { said: run.stdout, figures: JSON.parse(readFileSync(file, 'utf8')) as Figures };
}

describe('exits by choice', () => {
  const usual = vm('');
  it.each([
    ['sret', 'virtualInstruction', 100], ['satp', 'virtualInstruction', 10], ['time', 'virtualInstruction', 5],
      ['syscall', 'guestTrap', 100],
    ['fault', 'guestTrap', 1], ['breakpoint', 'guestTrap', 0], ['illegal', 'guestTrap', 0],
  ])('%s: the guest says the same, and leaves for it', async (name, cause, least) => {
    const plain = await usual, { said, figures } = await vm(name);
    expect(said).toBe(plain.said);
    expect(figures.exits[cause] ?? 0).toBeGreaterThanOrEqual(least);
    expect(plain.figures.exits[cause]).toBeUndefined();
  });
  it("walks of the guest's own tables are counted: none without paging", async () => {
    const file = join(folder, 'mmio.json');
    expect((await tessera(['boot', 'mmio', `--stats=${file}`])).status).toBe(0);
    type Walks = Record<'vsWalks' | 'guestMisses' | 'entries' | 'stageEntries', number>;
    const walks = (path: string): Walks => (JSON.parse(readFileSync(path, 'utf8')) as { tlb: Walks }).tlb;
    expect(walks(file).vsWalks).toBe(0);
    expect(walks(file).guestMisses).toBeGreaterThan(0);
    expect([walks(file).entries, walks(file).stageEntries > 0]).toEqual([0, true]);
    await usual;
    expect(walks(join(folder, '0.json')).vsWalks).toBeGreaterThan(0);
    // Three levels, or a superpage earlier.
    const { vsWalks, entries } = walks(join(folder, '0.json'));
    expect([entries >= vsWalks, entries <= 3 * vsWalks]).toEqual([true, true]);
  });
  it('no-wfi: the hart waits, and nobody hears of it', async () => {
    const plain = await usual, { said, figures } = await vm('no-wfi');
    expect([said, figures.exits['wfi'], plain.figures.exits['wfi']]).toEqual([plain.said, undefined, 3]);
  });
  it('all of them, with two processors and in both tiers', async () => {
    const all = 'sret,satp,time,syscall,fault,breakpoint,illegal';
    const [plain, interpreted, translated] = await Promise.all([vm('', ['--smp', '2']), vm(all, ['--smp', '2', '--engine', 'interp']),
      vm(all, ['--smp', '2', '--engine', 'jit'])]);
    expect(interpreted.said.split('\n').sort()).toEqual(plain.said.split('\n').sort());
    expect(translated.said).toBe(interpreted.said);
    expect(translated.figures.exits).toEqual(interpreted.figures.exits);
  });
  it('instructions and exits are counted apart for kernel and programs, and are all', async () => {
    const { figures: { guest, exits, instructions } } = await vm('syscall');
    expect(guest.instructions.vu + guest.instructions.vs).toBe(instructions);
    expect(guest.exits.vu).toBe(exits['guestTrap']);
    expect(guest.exits.vs).toBe((exits['sbi'] ?? 0) + (exits['wfi'] ?? 0));
  });
  it.each([[['--exits', 'nothing'], "'nothing' is no exit"], [['--exits', 'sret', '--virt', 'trap'], 'with the H extension only'],
    [['--slice', '5'], 'out of range']])('refuses %j', async (words, why) => {
    const { status, stderr } = await tessera(['vm', '--kernel', 'guests/bin/minios.bin', ...words]);
    expect([status, stderr.split('\n').length]).toEqual([2, 2]);
    expect(stderr).toContain(why);
  });
});

describe('a time slice', () => {
  it('ends also for a guest with its interrupts off, and a shorter one wakes a sleeper earlier', async () => {
    const late = async (slice: string): Promise<number> => {
      const { status, stdout } = await tessera(['boot', 'timeshare', '--set', `slice=${slice}`]);
      expect(status).toBe(0);
      return Number(/late by \d+ us on average, (\d+) at most/.exec(stdout)![1]);
    };
    const [short, long] = await Promise.all([late('0.1'), late('30')]);
    expect(short).toBeLessThan(2 * 100 + 50);
    expect(long).toBeGreaterThan(20_000);
    expect(long).toBeLessThan(2 * 30_000 + 50);
  });
});

describe('state of a guest that leaves', () => {
  it('stays in the hart or is copied: the guests do the same, and a round trip costs two switches of worlds more', async () => {
    const run = async (state: string): Promise<{ cycles: number[]; figures: Figures & { worldSwitches: number } }> => {
      const file = join(folder, `${state}.json`), { status, stdout } = await tessera(['boot', 'state-mgmt', '--set', `state=${state}`,
        `--stats=${file}`]);
      expect(status).toBe(0);
      const cycles = [...stdout.matchAll(/firmware takes (\d+) cycles/g)].map((m) => Number(m[1]));
      return { cycles, figures: JSON.parse(readFileSync(file, 'utf8')) as Figures & { worldSwitches: number } };
    };
    const [kept, copied] = await Promise.all([run('kept'), run('copied')]);
    expect(copied.figures.exits).toEqual(kept.figures.exits);
    kept.cycles.forEach((c, i) => expect(Math.abs(copied.cycles[i]! - c - 540)).toBeLessThan(20));
    const exits = copied.figures.guest.exits.vs;
    expect(copied.figures.worldSwitches).toBeGreaterThan(0.99 * exits);
    expect(kept.figures.worldSwitches).toBeLessThan(exits / 4);
  });
  it('says what is wrong with another word', async () => {
    const file = join(folder, 'wrong.ts');
    const scenario = "{ name: 'wrong', summary: '-', guestState: 'lost' as 'kept', components: {} }";
    writeFileSync(file, `import { defineScenario } from 'tessera'; export default defineScenario(${scenario});`);
    const { status, stderr } = await tessera(['boot', file]);
    expect([status, stderr]).toEqual([2, expect.stringContaining("guestState is not 'kept' or 'copied'")]);
  });
});

describe('parts of a processor', () => {
  it('are kept to a hundredth', async () => {
    const { status, stdout } = await tessera(['boot', 'lpar', '--set', 'parts=3,41,20']), alone = 300_040;
    expect(status).toBe(0);
    for (const [who, percent] of [['first', 3], ['second', 41], ['third', 20]] as const) {
      const took = Number(new RegExp(`\\[${who}\\] spin: computed for (\\d+) us`).exec(stdout)![1]);
      expect(Math.abs((100 * alone) / took - percent)).toBeLessThan(1);
    }
  });
});
