import { describe, expect, it } from 'vitest';
import { buildProgram } from '../cli/main.ts';
import { flawOf, readRows, rowsOf } from './rows.ts';

const rows = readRows();
const subcommands = new Set(buildProgram(() => {}).commands.map((command) => command.name()));

describe('docs/rows.md', () => {
  it('has each of the 175 rows once', () => {
    expect(new Set(rows.map((row) => row.id)).size).toBe(175);
    expect(rows.length).toBe(175);
  });

  it('gives each row one of three states', () => {
    expect(rows.filter((row) => !['works', 'partial', 'absent'].includes(row.state)).map((row) => row.id)).toEqual([]);
  });

  it('shows each row that works by a command', () => {
    expect(rows.filter((row) => row.state === 'works' && row.commands.length === 0).map((row) => row.id)).toEqual([]);
  });

  it('names what a row lacks that does not work yet', () => {
    expect(rows.filter((row) => row.state !== 'works' && !row.missing).map((row) => row.id)).toEqual([]);
  });

  it('names only scenarios, files, scripts and subcommands that are there', () => {
    const flaws = rows.flatMap((row) =>
      row.commands.map((command) => flawOf(command, subcommands)).filter(Boolean).map((flaw) => `${row.id}: ${flaw}`));
    expect(flaws).toEqual([]);
  });
});

describe('the reader of the table', () => {
  it('finds a scenario, a spec and a subcommand that are not there', () => {
    const [row] = rowsOf('| A1 | title | works | `tessera boot nowhere`, `npx vitest run test/nothing.spec.ts`, `tessera fly` | – |');
    expect(row!.commands.map((command) => flawOf(command, subcommands))).toEqual([
      'scenarios/nowhere.ts is not there', 'test/nothing.spec.ts is not there', 'tessera has no command fly']);
  });
});
