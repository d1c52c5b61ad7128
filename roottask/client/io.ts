/** Devices: a register window in this task's memory, and the interrupt as a semaphore. For components whose scenario lists the device. */
import type { Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import type { Env } from './env.ts';
import { Protocol } from './protocol.ts';
import { bad, good, type Result } from './result.ts';
import { ask } from './wire.ts';

export interface DeviceWindow {
  /** Address of the registers: use the sized accessors of `sys.memory`. */
  readonly va: number;
  readonly size: number;
  /** Down waits for an interrupt; `Ops.semaphore.ack` unmasks the line when it is handled. 0 when the device has none. */
  readonly interrupt: number;
}

/** The device `name` (or the index-th one with this compatible string) of those that the scenario gives this component. */
export function* openDevice(sys: Syscalls, env: Env, name: string, index = 0): Sys<Result<DeviceWindow>> {
  const io = env.cap('io');
  let status = yield* ask(sys, io, Protocol.io.device, [index], { text: name });
  if (status !== 0) return bad(status, `${env.name}: device '${name}'`);
  const size = sys.utcb.word(0), irq = sys.utcb.word(1), pages = Math.ceil(size / 4096) * 4096;
  const va = env.reserve(pages), interrupt = irq > 0 ? env.selector() : 0;
  status = yield* ask(sys, io, Protocol.io.map, [va, interrupt], { receives: true });
  return status === 0 ? good({ va, size, interrupt }) : bad(status, `${env.name}: device '${name}'`);
}
