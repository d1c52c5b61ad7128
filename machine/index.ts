/** The machine's interface for the other folders. */
export { Machine } from './machine.ts';
export type { MachineOptions, RunLimits, RunResult } from './machine.ts';
export type { Bus, EventQueue, HartApi, PhysicalMemory, StopReason, Supervisor, TimerHandle } from './api.ts';
export type { BlockBackend, CharBackend, Device, DeviceContext, IrqLine } from './devices/device.ts';
export { RAM_BASE } from './engine/layout.ts';
export { loopback, Hub } from './net/hub.ts';
export { Gateway } from './net/gateway/gateway.ts';
export type { NetCard, NetPort, NetWiring } from './devices/net-port.ts';
