/** What a lab's grader may import as 'tessera-labs': the framework, and of the public API what drivers need. */
export * from './lab.ts';
export * from './random.ts';
export * from './evidence.ts';
export * from './child.ts';
export * from './puppet.ts';
export { guestAct, makeGuest, RAM, type Guest } from './guest.ts';
export * from '../api.ts';
