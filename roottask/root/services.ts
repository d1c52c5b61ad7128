/**
 * Roottask's services: one row per request of the protocol. A component holds one portal per service that it was given;
 * the portal's label identifies component and service, so the message itself need not be trusted.
 */
import { RATES } from '../client/rates.ts';
import { CapRight, Initial, IpcFlag, Ops, Right, Status, capPage, type BootInfo, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import { Protocol } from '../client/protocol.ts';
import { roundUp } from '../client/memory.ts';
import { getBytes, put, textOf } from '../client/wire.ts';
import type { Client, Dataspace } from './client.ts';
import { attachDataspace, createDataspace, dataspaceAddress, freeDataspace, mapItems } from './dataspaces.ts';
import { done, fail, type Handler, type Reply, type Request } from './request.ts';
import { DATASPACE_BADGE, SERVICE_BITS, type Root } from './root.ts';

/** Services by number: the low four bits of a portal's label. */
export const SERVICES = ['memory', 'rom', 'log', 'names', 'life', 'io', 'fault'] as const;
export type ServiceName = (typeof SERVICES)[number];

const mayOpen = (c: Client, name: string): boolean => c.spec.roms === true || (c.spec.roms ?? []).includes(name);
const openable = ({ root, client }: Request): BootInfo['modules'][number][] => root.info.modules.filter(m => mayOpen(client, m.name));

function* romStat(request: Request): Sys<Reply> {
  const name = request.text(0), id = request.root.info.modules.findIndex(m => m.name === name && mayOpen(request.client, name));
  if (id < 0) return fail(Status.badArgument);
  const module = request.root.info.modules[id]!;
  return done(module.size, module.base % 0x20_0000, id);
}
function* romMap({ root, client, words }: Request): Sys<Reply> {
  const [id = -1, va = 0, offset = 0] = words, module = root.info.modules[id];
  if (!module || !mayOpen(client, module.name) || va % 4096 !== 0 || offset % 4096 !== 0 || offset < 0 || offset >= module.size)
    return fail(Status.badArgument);
  const { items, bytes } = mapItems(module.base + offset, roundUp(module.size - offset), Right.RX, va);
  return { status: 0, words: [bytes], items };
}
function* romList(request: Request): Sys<Reply> {
  const module = openable(request)[request.words[0] ?? -1];
  return module ? { status: 0, text: module.name } : fail(Status.badArgument);
}

function* logLine({ root, client, sys, bytes }: Request): Sys<Reply> {
  yield* root.log.write(sys, client.name, bytes(0));
  return done();
}

function* register({ root, client, sys, text }: Request): Sys<Reply> {
  const name = text(0);
  if (!(client.spec.provides ?? []).includes(name)) return fail(Status.badRights);
  if (root.names.has(`${client.name}/${name}`)) return fail(Status.busy);
  const portal = root.takeReceivedCap();
  root.names.set(`${client.name}/${name}`, { portal, client });
  yield* root.wake(sys);
  return done();
}
function* lookup({ client, root, text, words }: Request): Sys<Reply> {
  const session = client.sessions.find(s => s.name === text(1)), dest = words[0] ?? 0;
  if (!session || !root.names.get(session.server)?.client.alive) return fail(Status.badCap);
  return { status: 0, items: [{ flexpage: capPage(session.selector, 0, CapRight.use | CapRight.map), dest }] };
}

function* lifeExit({ root, sys, client, words, text }: Request): Sys<Reply> {
  yield* root.ended(sys, client, 'exited', words[0]! & 0xffff, text(1));
  return { status: 0, silent: true };
}
function* lifeCrash({ root, sys, client, words, text }: Request): Sys<Reply> {
  yield* root.ended(sys, client, 'crashed', words[0]! & 0xffff, text(1));
  return { status: 0, silent: true };
}
function* lifeReport({ client, text }: Request): Sys<Reply> {
  client.report = text(0);
  return done();
}
function* lifeTrouble({ root, client, text }: Request): Sys<Reply> {
  root.onTrouble?.(client.name, text(0));
  return done();
}

function* ioDevice(request: Request): Sys<Reply> {
  const name = request.text(1), listed = (d: BootInfo['devices'][number], by: string): boolean => d.name === by || d.compatible === by;
  const device = request.root.info.devices.filter(x =>
    listed(x, name) && (request.client.spec.devices ?? []).some(by => listed(x, by)))[request.words[0] ?? 0];
  if (!device) return fail(Status.badArgument);
  request.client.device = device;
  return done(device.size, device.irq, 0);
}
function* ioMap({ root, client, words }: Request): Sys<Reply> {
  const device = client.device, [va = 0, selector = 0] = words;
  if (!device || va % 4096 !== 0) return fail(Status.badArgument);
  const holder = root.deviceOwners.get(device.name);
  if (holder && holder !== client && holder.alive) return fail(Status.busy);
  root.deviceOwners.set(device.name, client);
  const { items } = mapItems(device.base, roundUp(device.size), Right.RW, va);
  if (selector > 0 && device.irq > 0) items.push({ flexpage: capPage(Initial.irqBase + device.irq), dest: selector });
  return { status: 0, items };
}

function* quota({ client }: Request): Sys<Reply> { return done(client.memoryLimit, client.memoryUsed); }

/** scause with its address or instruction, in words. @spec priv 12.1.8 */
function faultText(scause: number, value: number, pc: number): string {
  const access: Readonly<Record<number, string>> = {
    1: 'jump to', 5: 'load from', 7: 'store to', 12: 'jump to', 13: 'load from', 15: 'store to', 4: 'misaligned load from',
    6: 'misaligned store to'
  };
  const what = access[scause] ? `${access[scause]} 0x${value.toString(16)}, where it may not`
    : scause === 2 ? `illegal instruction 0x${value.toString(16)}`
    : scause === 3 ? 'breakpoint'
    : scause === 8 ? 'a system call that is not the kernel\'s'
    : `exception ${scause}`;
  return `fault: ${what}, at pc 0x${pc.toString(16)}`;
}

/** A native program's fault: the portal's message is the event itself. */
function* fault({ root, sys, client, words }: Request): Sys<Reply> {
  yield* root.ended(sys, client, 'crashed', 139, faultText(words[0] ?? 0, words[1] ?? 0, sys.utcb.pc));
  return { status: 0, silent: true };
}

const table = new Map<number, { service: ServiceName; handler: Handler }>();
const row = (service: ServiceName, op: { label: number }, handler: Handler): void => void table.set(op.label, { service, handler });
row('memory', Protocol.memory.create, createDataspace);
row('memory', Protocol.memory.quota, quota);
row('rom', Protocol.rom.stat, romStat);
row('rom', Protocol.rom.map, romMap);
row('rom', Protocol.rom.list, romList);
row('log', Protocol.log.line, logLine);
row('names', Protocol.names.register, register);
row('names', Protocol.names.lookup, lookup);
row('life', Protocol.life.exit, lifeExit);
row('life', Protocol.life.crash, lifeCrash);
row('life', Protocol.life.report, lifeReport);
row('life', Protocol.life.trouble, lifeTrouble);
row('io', Protocol.io.device, ioDevice);
row('io', Protocol.io.map, ioMap);

/** Answers a request that came through a component's service portal. */
function* serve(request: Request, service: ServiceName, label: number): Sys<Reply> {
  if (service === 'fault') return yield* fault(request);
  const entry = table.get(label);
  return entry && entry.service === service ? yield* entry.handler(request) : fail(Status.badOp);
}

/** Answers a request to a dataspace. Any holder of its capability may attach it. */
function* serveDataspace({ root, sys, words }: Request, ds: Dataspace, label: number): Sys<Reply> {
  if (label === Protocol.dataspace.attach.label) return yield* attachDataspace(ds, words);
  if (label === Protocol.dataspace.address.label) return yield* dataspaceAddress(ds);
  if (label !== Protocol.dataspace.free.label) return fail(Status.badOp);
  yield* freeDataspace(root, sys, ds);
  return done();
}

/** Body of the service thread. */
export function* answerRequests(root: Root, sys: Syscalls): Sys<void> {
  let flags: number = IpcFlag.receive;
  for (;;) {
    sys.utcb.window = 0;
    sys.utcb.capWindow = capPage(root.landing);
    const status = yield sys.ipc(flags, 0), landing = root.landing;
    if (status !== 0) { flags = IpcFlag.receive; continue; }
    sys.charge(RATES.call);
    const unwanted = sys.utcb.itemCount > 0, reply = yield* answer(root, sys);
    // An unexpected capability must not stay where the next one will be received.
    if (unwanted && root.landing === landing) yield* sys.invoke(Initial.task, Ops.task.unmap, [capPage(landing), 1]);
    put(sys.utcb, reply.status, reply.words ?? [], { text: reply.text, items: reply.items });
    flags = reply.silent ? IpcFlag.receive : IpcFlag.reply | IpcFlag.receive;
  }
}
function* answer(root: Root, sys: Syscalls): Sys<Reply> {
  const badge = sys.utcb.badge, label = sys.utcb.label;
  if (badge >= DATASPACE_BADGE) {
    const ds = root.dataspaces.get(badge - DATASPACE_BADGE);
    return ds ? yield* serveDataspace(requestOf(root, sys, ds.owner), ds, label) : fail(Status.dead);
  }
  const client = root.clients.get(Math.floor(badge / SERVICE_BITS)), name = SERVICES[badge % SERVICE_BITS];
  return client && name ? yield* serve(requestOf(root, sys, client), name, label) : fail(Status.badCap);
}
/** Copies the message out of the UTCB, because a handler's own calls overwrite it. */
function requestOf(root: Root, sys: Syscalls, client: Client): Request {
  const utcb = sys.utcb, words: number[] = [],
    message = getBytes(utcb, 0, utcb.wordCount * 8); // the words after it belong to other messages
  for (let i = 0, n = utcb.wordCount; i < n; i++) words.push(utcb.word(i));
  const bytes = (at: number): Uint8Array => message.slice((at + 1) * 8, (at + 1) * 8 + Math.max(0, words[at] ?? 0));
  return { root, sys, client, words, bytes, text: at => textOf(bytes(at)) };
}
