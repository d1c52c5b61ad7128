/**
 * Devices are capabilities. A component's `io` session is its bus: on it are the devices that its scenario lists, and no others. `clock`
 * has the board's clock on its bus; `thief` has an empty bus, knows every address, and tries each way there is.
 *
 * Twin: the scenario puts the clock on the thief's bus instead. Then the same steps work for the thief, and `clock` is refused.
 */
import { Ops, Own, Right, Status, memoryPage, statusName, type Sys } from '../microkernel/abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import { Protocol, ask, exit, log, openDevice, type Env, type Program } from '../roottask/client/index.ts';
import { defineScenario } from './define.ts';

const DEVICE = 'rtc', REGISTERS = 0x10_1000, HERE = 0x4000_0000, MOST_SELECTORS = 64;
/** Registers of the clock: nanoseconds, low and high half; reading the low half latches the high one. */
const LOW = 0, HIGH = 4, NS = 1e9;

function* readClock(sys: Syscalls, env: Env): Sys<boolean> {
  const device = yield* openDevice(sys, env, DEVICE);
  if (!device.ok) { yield* log(sys, env, `the clock is not on my bus: ${statusName(device.status)}`); return false; }
  const low = sys.memory.u32(device.value.va + LOW), ns = sys.memory.u32(device.value.va + HIGH) * 2 ** 32 + low;
  yield* log(sys, env, `I read the clock's registers: ${Math.floor(ns / NS)} seconds since 1970`);
  return true;
}

const clock: Program = {
  name: 'clock',
  *main(sys, env) { yield* exit(sys, env, (yield* readClock(sys, env)) ? 0 : 1, ''); },
};

/** Ways to reach registers without a grant, and the answer of each. */
const ways: Readonly<Record<string, (sys: Syscalls, env: Env) => Sys<string>>> = {
  *'asks its bus to map what it never named'(sys, env) {
    return statusName(yield* ask(sys, env.cap('io'), Protocol.io.map, [HERE, 0], { receives: true }));
  },
  *'loads from their address'(sys) {
    try { return `read ${sys.memory.u32(REGISTERS)}`; } catch (e) { return (e as Error).message; }
  },
  *'maps their page out of its own task'(sys) {
    return statusName(yield* ask(sys, Own.task, Ops.task.map, [0, memoryPage(REGISTERS, 12, Right.RW), HERE, 0]));
  },
  *'asks every capability that it may have'(sys) {
    let given = 0;
    for (let selector = 1; selector < MOST_SELECTORS; selector++)
      if ((yield* ask(sys, selector, Protocol.io.map, [HERE, 0], { receives: true })) === Status.ok) given++;
    return `${given} of ${MOST_SELECTORS - 1} gave it`;
  },
};

const thief: Program = {
  name: 'thief',
  *main(sys, env) {
    if (yield* readClock(sys, env)) { yield* log(sys, env, 'and it was on my bus'); yield* exit(sys, env, 0, ''); }
    for (const [way, go] of Object.entries(ways)) yield* log(sys, env, `${way}: ${yield* go(sys, env)}`);
    yield* ask(sys, Own.task, Ops.task.lookup, [HERE]);
    yield* log(sys, env, sys.utcb.word(0) === 0 ? 'no way leads to the registers' : 'something is mapped');
  },
};

export default defineScenario({
  name: 'io-vbus',
  summary: 'a device on one component\'s bus: its owner maps the registers, and a neighbour who knows their address cannot',
  parameters: { bus: { default: 'clock', values: ['clock', 'thief'], doc: 'on whose bus the device is' } },
  build: ({ bus }) => ({
    components: {
      clock: { program: clock, devices: bus === 'clock' ? [DEVICE] : [], exit: 'any' },
      thief: { program: thief, devices: bus === 'thief' ? [DEVICE] : [] },
    },
  }),
  expect: [{ from: 'clock', text: "I read the clock's registers" }, { from: 'thief', text: 'no way leads to the registers' }],
  holds: [
    { filter: 'from:clock op:io.map kind:call', exactly: 1, why: 'the owner maps the registers' },
    { filter: 'from:roottask to:thief kind:reply', atLeast: 1, why: 'the thief is answered' },
  ],
  endings: {
    stolen: { why: "the device was on the thief's bus, and not on its owner's",
      expect: [{ from: 'thief', text: 'and it was on my bus' }, { from: 'clock', text: 'the clock is not on my bus' }] },
  },
  twin: { set: { bus: 'thief' }, ending: 'stolen' },
  budget: 2e9,
  ram: '64M',
  story: 'docs/scenarios/io-vbus.md',
});
