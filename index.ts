/**
 * Tessera's public API: make a system of a scenario, run it, look at it. Portable; files and terminals are the caller's.
 *
 *   import { bootScenario, defineScenario } from 'tessera';
 */
export { bootScenario, System, SystemError } from './system/system.ts';
export type { Arrival, Channel, Door, Host, Module, Result, SystemOptions } from './system/host.ts';
export { statsOf, tableOf } from './system/report.ts';
export { defineScenario, type ScenarioFile } from './scenarios/define.ts';
export { ScenarioError, lineOf } from './scenarios/check.ts';
export type { Action, CapSource, Component, Expectation, Scenario, Size } from './roottask/scenario.ts';
export { bytesOfSize } from './roottask/scenario.ts';
export type { ComponentState } from './roottask/root/main.ts';
// What programs in a scenario use: system calls, roottask's stubs, the server library.
export * from './roottask/client/index.ts';
export { Server, answer, refuse, type Answer, type Session, type SessionHandler } from './roottask/lib/server.ts';
export { NEVER, Ops, Own, Right, Status, statusName, type Sys, type Syscalls } from './microkernel/abi/index.ts';
export { uart } from './roottask/drivers/uart.ts';
export { virtioBlock } from './roottask/drivers/virtio-block.ts';
export { virtioConsole } from './roottask/drivers/virtio-console.ts';
export { virtioNet } from './roottask/drivers/virtio-net.ts';
export { netSwitch } from './roottask/net/switch.ts';
export { consoleMux } from './roottask/console/console.ts';
