/** `--gdb`, for the commands that offer it. */
import { Option } from 'commander';
import { count } from '../options.ts';

export const gdbOption = (): Option =>
  new Option('--gdb <port>', 'wait for GDB on this TCP port (0: any) before the first instruction').argParser(count('--gdb', 0, 65535));

export const gdbAtOption = (): Option =>
  new Option('--gdb-at <record>', 'with --gdb: run up to this record of the trace (its number) first').argParser(count('--gdb-at', 1));
