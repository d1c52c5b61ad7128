/** `--gdb`, for the commands that offer it. */
import { Option } from 'commander';
import { count } from '../options.ts';

export const gdbOption = (): Option =>
  new Option('--gdb <port>', 'wait for GDB on this TCP port (0: any) before the first instruction').argParser(count('--gdb', 0, 65535));
