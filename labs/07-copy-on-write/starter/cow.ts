// Memory of processes that fork. Pages are mapped on first access; README.md describes FORK.
import {
  Cause, Mtd, Resume, Right, Status, allocate, memoryPage, serve, valueOf, type Client, type Program, type Reply, type Sys, type Syscalls
} from 'tessera';

const FORK = 0x2300, PAGE = 4096;

/** The pages of a process: page number → our address of its frame. */
type Space = Map<number, number>;

const cow: Program = {
  name: 'cow',
  *main(sys, env) {
    const { base, pages } = env.args as Record<string, number> as { base: number; pages: number };
    const spaces = new Map<string, Space>();

    /** The initial memory of a child: a copy of each page of its parent. It works, and costs too much. */
    function* fork(own: Syscalls, parent: Space, child: Space): Sys<Reply> {
      for (const [page, frame] of parent) {
        const copy = valueOf(yield* allocate(own, env, PAGE));
        own.memory.copy(copy, frame, PAGE);
        child.set(page, copy);
      }
      return {};
    }

    function* fault(own: Syscalls, client: Client<Space>): Sys<Reply> {
      const address = own.utcb.word(1), page = Math.floor(address / PAGE);
      if (address < base || address >= base + pages * PAGE) return { label: Resume.stop };
      let frame = client.state.get(page);
      if (frame === undefined) client.state.set(page, (frame = valueOf(yield* allocate(own, env, PAGE))));
      return { label: Resume.go, items: [{ flexpage: memoryPage(frame, 12, Right.RW), dest: page * PAGE }] };
    }

    yield* serve<Space>(sys, env, 'memory', {
      mtd: Mtd.exit,
      open: (name) => { const space: Space = new Map(); spaces.set(name, space); return space; },
      *request(own, client) {
        if (own.utcb.label === Cause.pageFault) return yield* fault(own, client);
        const parent = spaces.get(`process${own.utcb.word(0)}`);
        if (own.utcb.label === FORK && parent) return yield* fork(own, parent, client.state);
        return { label: Status.badOp };
      },
    });
  },
};
export default cow;
