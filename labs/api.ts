/**
 * What a submission in TypeScript may import as 'tessera': system calls, the stubs of roottask, the server library. No kernel, no
 * machine, no way to boot anything.
 */
export * from '../roottask/client/index.ts';
export { Server, answer, refuse, OK, type Answer, type Session, type SessionHandler } from '../roottask/lib/server.ts';
export {
  CapRight, Cause, IpcFlag, Item, KernelError, MemoryFault, Mtd, NEVER, NOW, Ops, Own, Resume, Right, Status, ThreadFlag, causeName,
  capPage, flexpages, memoryPage, statusName, wholeSpace,
  type Memory, type Message, type Operation, type Received, type Sys, type Syscalls, type ThreadBody, type Utcb,
} from '../microkernel/abi/index.ts';
export * from './start/index.ts';
