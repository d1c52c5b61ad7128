/** The real-time clock that a guest reads: fixed, or the host's where the host's files, networks or users are part of the run. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assemble } from '../hardware/isa/assemble.ts';

const TESSERA = join(import.meta.dirname, '../bin/tessera'), folder = mkdtempSync(join(tmpdir(), 'tessera-clock-'));
const kernel = join(folder, 'kernel'), disk = join(folder, 'disk'), recording = join(folder, 'recording');
/** The Goldfish clock gives nanoseconds, the low word first. Prints the 64 bits, four at a time, by SBI's console. */
writeFileSync(kernel, assemble(`li s0, 0x101000; lwu s1, 0(s0); lwu s2, 4(s0); slli s2, s2, 32; or s1, s1, s2; li s2, 60
  next: srl a0, s1, s2; andi a0, a0, 15; addi a0, a0, 65; li a7, 1; ecall; addi s2, s2, -4; bgez s2, next
  li a7, 8; ecall`, 0x8020_0000).bytes);
writeFileSync(disk, new Uint8Array(65_536));

/** The guest's time when it starts, seconds since 1970. */
function clockOf(command: string, ...options: string[]): number {
  const printed = execFileSync(TESSERA, [command, '--kernel', kernel, ...options], { encoding: 'utf8', input: '' });
  return Number([...printed.slice(0, 16)].reduce((sum, letter) => sum * 16n + BigInt(letter.charCodeAt(0) - 65), 0n) / 1_000_000_000n);
}
describe.each([['bare', '2026-01-01'], ['vm', '2025-07-01']])('%s', (command, date) => {
  const fixed = Date.parse(date) / 1000;
  it('has a fixed clock alone', () => expect(clockOf(command)).toBe(fixed));
  it("has the host's clock with a disk or a network, unless a seed asks for a repeatable run", () => {
    const before = Math.floor(Date.now() / 1000);
    for (const more of [['--disk', disk], ['--net', 'loop']]) {
      expect(clockOf(command, ...more)).toBeGreaterThanOrEqual(before);
      expect(clockOf(command, ...more, '--seed', '7')).toBe(fixed);
    }
  });
  it('has the clock that --clock says, and that of the recording in a replay', () => {
    expect(clockOf(command, '--clock', '2020-02-03T04:05Z')).toBe(Date.parse('2020-02-03T04:05Z') / 1000);
    const recorded = clockOf(command, '--clock', '1999-12-31T23:59Z', '--record', recording);
    expect(recorded).toBe(Date.parse('1999-12-31T23:59Z') / 1000);
    expect(clockOf(command, '--replay', recording)).toBe(recorded);
  });
});
