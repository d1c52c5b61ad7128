/** The modules that a lab's grader may import as 'tessera-labs': the framework, and the drivers' part of the public API. */
export * from './lab.ts';
export * from './random.ts';
export * from './evidence.ts';
export * from './child.ts';
export * from './puppet.ts';
export { guestAct, makeGuest, RAM, type Guest } from './guest.ts';
export * from '../api.ts';
