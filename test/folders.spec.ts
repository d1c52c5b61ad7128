/**
 * A folder of the host, through the whole system: component, driver, device, door, server, files; recorded, and replayed without the
 * folder.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NodeFolder } from '../cli/folders/folder.ts';
import type { Arrival, FilesPort, Host, Program, Scenario } from '../index.ts';
import { log, openFiles, valueOf } from '../roottask/client/index.ts';
import { decodeReply, encodeRequest, NO_FID, VERSION, type MessageName, type Reply, type Request } from '../roottask/client/ninep/index.ts';
import type { Sys } from '../microkernel/abi/index.ts';
import { filesDriver } from '../scenarios/devices.ts';
import { NineServer } from '../system/folders/server.ts';
import { SharedFolder } from '../system/folders/shared.ts';
import { bootScenario } from './audited.ts';

/** Reads a file of the folder, and writes another with what was in it. */
const visitor: Program = {
  name: 'visitor',
  *main(sys, env) {
    const files = valueOf(yield* openFiles(sys, env, 'folder'));
    function* call<N extends MessageName>(name: N, request: Request<N>): Sys<Reply<N>> {
      const answer = decodeReply(name, valueOf(yield* files.request(sys, encodeRequest(name, 1, request))));
      if (!answer.ok) throw new Error(`${name}: errno ${answer.error}`);
      return answer.value;
    }
    yield* call('version', { msize: 65536, version: VERSION });
    yield* call('attach', { fid: 0, afid: NO_FID, user: '', tree: '', uid: 0 });
    yield* call('walk', { fid: 0, newfid: 1, names: ['in'] });
    yield* call('lopen', { fid: 1, flags: 0 });
    const { data } = yield* call('read', { fid: 1, offset: 0n, count: 100 });
    yield* call('walk', { fid: 0, newfid: 2, names: [] });
    yield* call('lcreate', { fid: 2, name: 'out', flags: 1, mode: 0o644, gid: 0 });
    yield* call('write', { fid: 2, offset: 0n, data });
    yield* call('clunk', { fid: 2 });
    yield* log(sys, env, `read: ${new TextDecoder().decode(data)}`);
  },
};
const world: Scenario = {
  name: 'folder', summary: '', components: { folder: filesDriver('files0'), visitor: { program: visitor, caps: { folder: 'folder' } } },
  status: 'visitor', expect: [{ from: 'visitor', text: 'read: hello' }],
};

describe('a folder of the host', () => {
  let host: string;
  beforeAll(() => { host = mkdtempSync(join(tmpdir(), 'tessera-folders-')); });
  afterAll(() => rmSync(host, { recursive: true, force: true }));

  async function run(port: FilesPort | undefined, door: Host['door']) {
    const system = bootScenario(world, { output: () => {}, folders: [{ tag: 'shared', port }], door }, {});
    const result = await system.run();
    return { result, cycles: system.machine.events.now };
  }

  it('is read and written while the system runs; a replay needs no folder, and takes as long', async () => {
    writeFileSync(join(host, 'in'), 'hello from the host');
    const folder = new NodeFolder(host), arrivals: Arrival[] = [];
    const port = new NineServer(new SharedFolder(folder, true, () => 0n));
    const live = await run(port, { passed: (a) => { arrivals.push(a); } });
    port.close();
    folder.close();
    expect(live.result).toMatchObject({ status: 0, missing: [] });
    expect(readFileSync(join(host, 'out'), 'utf8')).toBe('hello from the host');
    rmSync(join(host, 'out'));
    writeFileSync(join(host, 'in'), 'changed');
    const again = await run(undefined, { arrivals });
    expect(again).toEqual(live);
  });

  it('may answer later', async () => {
    writeFileSync(join(host, 'in'), 'hello, after a while');
    const folder = new NodeFolder(host), arrivals: Arrival[] = [], server = new NineServer(new SharedFolder(folder, true, () => 0n));
    const slow: FilesPort = {
      request: (message, reply) => server.request(message, (bytes) => { setTimeout(() => reply(bytes), 1); }), close: () => server.close()
    };
    rmSync(join(host, 'out'), { force: true });
    const system = bootScenario(world,
      { output: () => {}, folders: [{ tag: 'shared', port: slow }], inputs: ['files0'], door: { passed: (a) => { arrivals.push(a); } } },
      {});
    expect(await system.run()).toMatchObject({ status: 0, missing: [] });
    expect(readFileSync(join(host, 'out'), 'utf8')).toBe('hello, after a while');
    expect((await run(undefined, { arrivals })).cycles).toBe(system.machine.events.now);
    server.close();
    folder.close();
  });
});
