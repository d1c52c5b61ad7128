/** The command that makes a run again, from the one that made it. */
import { expect, it } from 'vitest';
import { replayWords, wordsOf } from './trace-debug.ts';

it('words are those of a shell', () => {
  expect(wordsOf(`run  sh -c 'echo "a b"' x"y z"`)).toEqual(['run', 'sh', '-c', 'echo "a b"', 'xy z']);
  expect(wordsOf('')).toEqual([]);
});

it.each([
  ['boot getpid', ['boot', '--gdb', 'all:0', '--gdb-at', '7', 'getpid']],
  ['bin/tessera boot getpid --view --set a=b', ['boot', '--gdb', 'all:0', '--gdb-at', '7', 'getpid', '--set', 'a=b']],
  ['tessera run --trace t.trace --seed 3 --record=r.rec prog --trace x', ['run', '--gdb', '0', '--gdb-at', '7', '--seed', '3',
    '--replay=r.rec', 'prog', '--trace', 'x']],
  ['run --record r --trace=t prog', ['run', '--gdb', '0', '--gdb-at', '7', '--replay', 'r', 'prog']],
  ['vm --kernel k --trace t --stats --append "a b"', ['vm', '--gdb', '0', '--gdb-at', '7', '--kernel', 'k', '--append', 'a b']],
])('%s', (command, words) => {
  expect(replayWords(command, 7)).toEqual(words);
});

it('the debugger goes to the port that was chosen, whatever the run prints', () => {
  expect(replayWords('run prog', 7, 4711)).toEqual(['run', '--gdb', '4711', '--gdb-at', '7', 'prog']);
  expect(replayWords('boot getpid', 7, 4711)).toEqual(['boot', '--gdb', 'all:4711', '--gdb-at', '7', 'getpid']);
});

it('other commands have no such run', () => {
  for (const command of ['', 'tessera', 'bare x', 'trace view t']) expect(replayWords(command, 7)).toMatch(/^give the command/);
});
