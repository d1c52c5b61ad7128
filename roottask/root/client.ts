/** Roottask's record of each component: its objects, its memory, its state. */
import type { Component } from '../scenario.ts';
import { bytesOfSize } from '../scenario.ts';
import type { BootInfo } from '../../microkernel/abi/index.ts';
import type { Processor } from '../client/env.ts';
import { LocalEnv } from './env.ts';

export type ClientState = 'starting' | 'running' | 'exited' | 'crashed' | 'killed';
export const DEFAULT_MEMORY = 4 << 20, DEFAULT_KERNEL_MEMORY = 1 << 20;

/** Memory that a component has allocated: contiguous frames, and the portal that serves as its capability. */
export interface Dataspace {
  readonly id: number;
  readonly owner: Client;
  readonly base: number;
  readonly size: number;
  readonly portal: number;
  readonly dma: boolean;
}

export class Client {
  readonly id: number;
  readonly name: string;
  readonly spec: Component;
  readonly memoryLimit: number;
  memoryUsed = 0;
  readonly dataspaces = new Set<Dataspace>();
  env: LocalEnv;
  /** Selectors in the first task's capability space; 0 = none. */
  factory = 0; task = 0; thread = 0; context = 0;
  readonly portals: number[] = [];
  state: ClientState = 'starting';
  status = 0;
  why = '';
  report = '';
  restarts = 0;
  startedAt = 0;
  /** Its sessions: the server, and the session's number there. */
  readonly sessions: { name: string; server: string; selector: number; number: number }[] = [];
  /** A native program's information page (physical address) and heap size. */
  info: { pa: number; heap: number } | undefined;
  /** The device it requested last. */
  device: BootInfo['devices'][number] | undefined;

  constructor(id: number, name: string, spec: Component, processor: Processor) {
    this.id = id; this.name = name; this.spec = spec;
    this.memoryLimit = bytesOfSize(spec.memory ?? DEFAULT_MEMORY);
    this.env = new LocalEnv(name, spec.args, spec.priority, processor);
  }
  get alive(): boolean { return this.state === 'starting' || this.state === 'running'; }
  /** A server: the scenario does not wait for its end. */
  get isServer(): boolean { return (this.spec.provides ?? []).length > 0; }
}
