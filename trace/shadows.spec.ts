import { expect, it } from 'vitest';
import { Cause, Kind } from '../microkernel/abi/index.ts';
import { ShadowCounter, isGuestThread } from './shadows.ts';

const record = (sequence: number, kind: number, more: object): Parameters<ShadowCounter['see']>[0] =>
  ({ sequence, kind, actor: 0, object: 0, hart: 0, cause: 0, a: 0, ...more });

it('tells hidden faults from others, and spaces found again from new ones', () => {
  const counter = new ShadowCounter();
  counter.name('thread', 7, 'vm vCPU 0');
  counter.name('thread', 8, 'exits of vCPU 0');
  expect(counter.any).toBe(false);
  counter.name('task', 20, 'vm shadow of kernel, ASID 1');
  counter.name('task', 21, 'vm shadow of user, ASID 1');
  let n = 0;
  const fault = (actor: number, cause: number, space?: number): void => {
    const event = ++n;
    counter.see(record(event, Kind.event, { actor, a: cause }));
    if (space !== undefined) counter.see(record(++n, Kind.map, { cause: event, object: space }));
    counter.see(record(++n, Kind.resume, { cause: event }));
  };
  for (const object of [20, 20, 21, 20, 9, 21]) counter.see(record(++n, Kind.spaceSwitch, { object }));
  fault(7, Cause.pageFault, 20);
  fault(7, Cause.pageFault, 21);
  fault(7, Cause.pageFault);
  fault(7, Cause.illegal, 20);
  fault(7, Cause.illegal);
  fault(8, Cause.pageFault, 20);
  counter.see(record(++n, Kind.destroy, { object: 21 }));
  expect(counter.rows()).toEqual([{ task: 'vm', hidden: 2, other: 1, ahead: 1, made: 2, found: 2, fresh: 2, gone: 1 }]);
  expect([isGuestThread('vm vCPU 12'), isGuestThread('timer of vCPU 1'), isGuestThread('vm vCPU x')]).toEqual([true, false, false]);
});
