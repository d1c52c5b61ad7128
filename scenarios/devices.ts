/** Components that drive the board's devices, as scenarios list them. */
import { virtioBlock } from '../roottask/drivers/virtio-block.ts';
import { virtioConsole } from '../roottask/drivers/virtio-console.ts';
import { virtioFiles } from '../roottask/drivers/virtio-files.ts';
import { virtioNet } from '../roottask/drivers/virtio-net.ts';
import { netSwitch } from '../roottask/net/switch.ts';
import type { Component } from '../roottask/scenario.ts';

export const consoleDriver = (device: string): Component => ({
  program: virtioConsole, args: { device }, provides: ['stream'], devices: [device], dma: true, priority: 150, memory: '1M'
});
export const blockDriver = (device: string): Component => ({
  program: virtioBlock, args: { device }, provides: ['block'], devices: [device], dma: true, priority: 150, memory: '4M'
});
export const netDriver = (device: string): Component => ({
  program: virtioNet, args: { device }, provides: ['net'], devices: [device], dma: true, priority: 150, memory: '1M'
});
/** A host folder behind the files protocol; its only client is one 9P connection. */
export const filesDriver = (device: string): Component => ({
  program: virtioFiles, args: { device }, provides: ['files'], devices: [device], dma: true, priority: 150, memory: '2M'
});
/** A switch for several clients; `uplink`: the component that connects it to a network. */
export const switchComponent = (uplink?: string): Component => ({
  program: netSwitch, caps: uplink === undefined ? {} : { uplink }, provides: ['net'], priority: 150, memory: '4M'
});
