/** The virtual machine monitor. `vmm` is the program that boot scenarios name; the rest is for tools that inspect a guest's device tree. */
export { vmm } from './program.ts';
export { readOptions, DEFAULT_ISA, type DiskOption, type Options } from './options.ts';
export { guestTree, type TreeOptions } from './tree.ts';
export { rowsWith } from './board.ts';
export { roomForCode } from './translate/room.ts';
