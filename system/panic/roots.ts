/** The registers that translate a thread's addresses: values of satp, vsatp and hgatp, or those of a processor in software. */
import type { Roots } from '../../machine/debug/walk.ts';
import type { Task } from '../../microkernel/objects/task.ts';
import type { Thread } from '../../microkernel/objects/thread.ts';
import { ObjectKind } from '../../microkernel/objects/object.ts';
import { processorBehind, type SoftwareProcessor } from '../../vmm/cpu/outside.ts';
import { guestRegister } from '../guest-registers.ts';

const SATP = 0x180;
/** The machine keeps a guest's copies of the supervisor's registers this much higher. @spec priv 21.2 */
const GUEST_OFFSET = 0x100;

/** A thread whose code believes in a processor that a monitor performs: the processor, and the monitor's task. */
export interface Software { readonly processor: SoftwareProcessor; readonly monitor: Task }

/** The software processor of a thread whose code believes in one; undefined for other threads. */
export function softwareOf(thread: Thread): Software | undefined {
  const server = thread.alien ? thread.events.find((portal) => portal !== undefined)?.thread : undefined,
    processor = processorBehind(server?.utcb);
  return server && processor && { processor, monitor: server.task };
}
/** Does it run a guest's code, by whatever technique? */
export const runsGuest = (t: Thread): boolean => t.guest || softwareOf(t) !== undefined;

/** A register of the guest's supervisor by its number, wherever it is kept; undefined if there is none. */
export function supervisorRegister(thread: Thread, csr: number): bigint | undefined {
  const software = softwareOf(thread);
  return software ? software.processor.register(csr) : thread.guest ? guestRegister(thread, csr + GUEST_OFFSET) : undefined;
}
/** The mode that a guest's code believes in: 0 U, 1 S. */
export function modeOfGuest(thread: Thread): number {
  const software = softwareOf(thread);
  if (software) return software.processor.privileged ? 1 : 0;
  return thread.guest && thread.cpu.running === thread && thread.cpu.hart.virt ? thread.cpu.hart.priv : thread.guest ? thread.mode : 0;
}

const satpOf = ({ space }: Task): bigint => (BigInt(space.mode) << 60n) | BigInt(space.root.pa / 4096);

/** The translation of a thread's addresses: both stages of a guest, its tables and their shadow, or the kernel's tables alone. */
export function rootsOfThread(thread: Thread): Roots {
  const software = softwareOf(thread);
  if (software) return softwareRoots(software);
  const tables = satpOf(thread.visiting ?? thread.task);
  return thread.guest ? { first: supervisorRegister(thread, SATP)!, second: tables } : { first: tables };
}

function softwareRoots({ processor, monitor }: Software): Roots {
  const { base, size, va } = processor.ram, space = processor.space === 0 ? undefined : monitor.caps.lookup(processor.space)?.object;
  return { first: processor.register(SATP)!, second: satpOf(monitor), lent: { base: BigInt(base), size: BigInt(size), at: BigInt(va) },
    ...(space?.kind === ObjectKind.task && { shadow: satpOf(space as Task) }) };
}
