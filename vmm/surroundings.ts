/**
 * The surroundings of a VM, which outlive its reboots: guest memory, terminals with their threads, the clock, and the semaphores by which
 * they notify each other.
 */
import { Ops, Own, Right, type Sys } from '../microkernel/abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import {
  type Env, type Result, attach, createDataspace, good, log, openConsole, openNet, spawn, valueOf,
} from '../roottask/client/index.ts';
import { Clock } from './clock.ts';
import { techniques } from './cpu/techniques.ts';
import { type Folder, openFolder } from './folders.ts';
import { Frames, receiver, sender } from './frames.ts';
import type { Options } from './options.ts';
import { PanicWatch } from './panic.ts';
import { ramBase } from './processor.ts';
import { GuestRam } from './ram.ts';
import { Characters, type Sink, reader, writer } from './streams.ts';
import { Copies } from './translate/copies.ts';
import type { ListedSites } from './translate/listed.ts';
import { Stubs } from './translate/stubs.ts';
import { Work } from './work.ts';

export interface Surroundings {
  readonly env: Env;
  readonly options: Options;
  readonly ram: GuestRam;
  /** Address of the guest's memory in this task. */
  readonly ramVa: number;
  /** The same for servers that access it; their rights are their own. */
  readonly ramForServers: number;
  /** Terminals behind the serial port and SBI's console, and behind the virtio console if there is one. */
  readonly console: Characters;
  readonly virtioConsole: Characters | undefined;
  /** Detects panics on either; raises `endSemaphore`. */
  readonly panic: PanicWatch;
  /** Networks behind the network cards. */
  readonly nets: readonly Frames[];
  /** Folders of the host. */
  readonly folders: readonly Folder[];
  readonly clock: Clock;
  readonly work: Work;
  /** Frames for copies of the guest's code. */
  readonly copies: Copies;
  /** Where hot sensitive instructions go, with techniques that replace them. */
  readonly stubs: Stubs | undefined;
  /** Sites that were rewritten when the guest was loaded. */
  sites: ListedSites | undefined;
  /** Figures about replaced instructions of the last guest, as text. */
  codeSaid: string;
  /** Raised when a VM has ended, and when a terminal or a network has taken output. */
  readonly endSemaphore: number;
  readonly consoleSemaphore: number;
}

export const terminalsOf = (s: Surroundings): readonly Characters[] => (s.virtioConsole ? [s.console, s.virtioConsole] : [s.console]);

/** Creates everything; the error is a sentence. */
export function* surroundings(sys: Syscalls, env: Env, options: Options): Sys<Surroundings | string> {
  const memory = yield* guestMemory(sys, env, options);
  if (!memory.ok) return `there is not enough memory for a VM of ${options.memory / 2 ** 20} MiB (${memory.what})`;
  const { va: ramVa, servers: ramForServers } = memory.value;
  const endSemaphore = yield* semaphore(sys, env), consoleSemaphore = yield* semaphore(sys, env);
  const work = new Work(), clock = new Clock(() => sys.now(), work, yield* semaphore(sys, env));
  valueOf(yield* spawn(sys, env, (own) => clock.run(own), { name: 'clock' }));
  const console = yield* terminal(sys, env, options, options.console, work, consoleSemaphore);
  if (typeof console === 'string') return console;
  const virtioConsole = options.virtioConsole
    ? yield* terminal(sys, env, options, options.virtioConsole, work, consoleSemaphore)
    : undefined;
  if (typeof virtioConsole === 'string') return virtioConsole;
  const panic = new PanicWatch(() => work.signal(endSemaphore));
  console.watch = panic;
  if (virtioConsole) virtioConsole.watch = panic;
  const nets: Frames[] = [];
  for (const name of options.nets) {
    const frames = yield* network(sys, env, name, work, consoleSemaphore);
    if (typeof frames === 'string') return frames;
    nets.push(frames);
  }
  const folders: Folder[] = [];
  for (const option of options.folders) {
    const folder = yield* openFolder(sys, env, option, work);
    if (typeof folder === 'string') return folder;
    folders.push(folder);
  }
  const ram = new GuestRam(sys.memory, ramVa, options.memory, ramBase(env.processor));
  const stubs = options.patches === 'stubs' && (options.virt === 'patch' || options.virt === 'pre')
    ? yield* Stubs.make(sys, env, options.smp) : undefined;
  return { env, options, ram, copies: new Copies(env, options.memory), stubs, sites: undefined, codeSaid: '', ramVa, ramForServers,
    console, virtioConsole, panic, nets, folders, clock, work, endSemaphore,
    consoleSemaphore };
}

/**
 * The guest's memory. Where shadows are derived from it, and rights to it are taken away from all that was derived, servers that access it
 * get it from a second place, and keep theirs.
 */
function* guestMemory(sys: Syscalls, env: Env, { virt, disks, memory }: Options): Sys<Result<{ va: number; servers: number }>> {
  const space = yield* createDataspace(sys, env, memory), rights = Right.RWX;
  if (!space.ok) return space;
  const va = yield* attach(sys, env, space.value, { rights });
  if (!va.ok) return va;
  const isApart = !techniques[virt].mapsAll && disks.some(({ block }) => block !== undefined);
  const servers = isApart ? yield* attach(sys, env, space.value) : va;
  return servers.ok ? good({ va: va.value, servers: servers.value }) : servers;
}

/** Characters, and the two threads between them and the stream `name`. A terminal without a stream writes to the component's log. */
function* terminal(sys: Syscalls, env: Env, options: Options, name: string, work: Work, taken: number): Sys<Characters | string> {
  const writerWake = yield* semaphore(sys, env), readerWake = yield* semaphore(sys, env);
  const chars: Characters = new Characters(() => {
    work.busy.add(chars);
    work.signal(writerWake);
  }, () => work.signal(readerWake));
  const stream = env.hasCap(name) ? yield* openConsole(sys, env, name) : undefined;
  if (stream && !stream.ok) return stream.what;
  const written = function* (own: Syscalls): Sys<void> {
    if (chars.idle) work.busy.delete(chars);
    yield* work.deliver(own); // a device may have gone on with its output
    yield* own.must(taken, Ops.semaphore.up);
  };
  const sink = stream?.value ?? logSink(env);
  valueOf(yield* spawn(sys, env, (own) => writer(own, chars, sink, writerWake, written),
    { priority: options.priority, name: `${name} output` }));
  if (stream)
    valueOf(yield* spawn(sys, env,
      (own) => reader(own, chars, stream.value, readerWake, (self) => work.deliver(self), name === options.virtioConsole),
      { name: `${name} input` }));
  return chars;
}

/** Frames, and the two threads between them and the network `name`. */
function* network(sys: Syscalls, env: Env, name: string, work: Work, taken: number): Sys<Frames | string> {
  if (!env.hasCap(name)) return `there is no network '${name}'`;
  const net = yield* openNet(sys, env, name);
  if (!net.ok) return net.what;
  const wake = yield* semaphore(sys, env);
  const frames: Frames = new Frames(net.value.mac, () => {
    work.busy.add(frames);
    work.signal(wake);
  });
  const sent = (own: Syscalls): Sys<void> => {
    if (frames.idle) work.busy.delete(frames);
    return own.must(taken, Ops.semaphore.up);
  };
  valueOf(yield* spawn(sys, env, (own) => sender(own, frames, net.value, wake, sent), { name: `${name} sender` }));
  valueOf(yield* spawn(sys, env, (own) => receiver(own, frames, net.value, (self) => work.deliver(self)), { name: `${name} receiver` }));
  return frames;
}

const logSink = (env: Env): Sink => ({
  *write(sys, bytes) {
    yield* log(sys, env, new TextDecoder().decode(bytes));
    return { ok: true, value: undefined };
  },
});

function* semaphore(sys: Syscalls, env: Env): Sys<number> {
  const selector = env.selector();
  yield* sys.must(Own.factory, Ops.factory.createSemaphore, [selector, 0]);
  return selector;
}
