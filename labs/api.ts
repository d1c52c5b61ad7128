/**
 * The modules that a submission in TypeScript may import as 'tessera': system calls, the stubs of roottask, the server library. They give
 * no access to kernel or machine, and cannot boot anything.
 */
export * from '../roottask/client/index.ts';
export { Server, answer, refuse, OK, type Answer, type Session, type SessionHandler } from '../roottask/lib/server.ts';
export {
  CapRight, Cause, IpcFlag, Item, MemoryFault, Mtd, NEVER, NOW, Ops, Own, Resume, Right, Status, ThreadFlag, causeName, capPage,
  memoryPage, statusName, wholeSpace, type Memory, type Operation, type Sys, type Utcb
} from '../microkernel/abi/index.ts';
export { KernelError, flexpages, type Message, type Received, type Syscalls, type ThreadBody } from '../binding/index.ts';
export * from './start/index.ts';
