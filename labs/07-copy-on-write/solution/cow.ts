import {
  Cause, Mtd, Ops, Own, Resume, Right, Status, allocate, memoryPage, serve, valueOf, type Client, type Program, type Reply, type Sys,
  type Syscalls
} from 'tessera';

const FORK = 0x2300, COUNTS = 0x2301, END = 0x2302, PAGE = 4096, STORE = 15;

/** A frame, and the number of processes that share it. */
interface Frame { readonly at: number; users: number }
type Space = Map<number, Frame>;

const cow: Program = {
  name: 'cow',
  *main(sys, env) {
    const { base, pages } = env.args as Record<string, number> as { base: number; pages: number };
    const spaces = new Map<string, Space>(), unused: number[] = [];
    let used = 0, copies = 0;

    function* newFrame(own: Syscalls): Sys<Frame> {
      const again = unused.pop();
      used++;
      if (again === undefined) return { at: valueOf(yield* allocate(own, env, PAGE)), users: 1 };
      own.memory.fill(again, PAGE, 0);
      return { at: again, users: 1 };
    }
    /** Removes rights from all mappings derived from a frame. */
    const take = (own: Syscalls, frame: Frame, rights: number): Sys<void> =>
      own.must(Own.task, Ops.task.unmap, [memoryPage(frame.at, 12, rights), 0]);

    function* drop(own: Syscalls, frame: Frame): Sys<void> {
      if (--frame.users > 0) return;
      yield* take(own, frame, 0);
      unused.push(frame.at);
      used--;
    }

    function* fork(own: Syscalls, parent: Space, child: Space): Sys<Reply> {
      for (const [page, frame] of parent) {
        if (frame.users === 1) yield* take(own, frame, Right.W);
        frame.users++;
        child.set(page, frame);
      }
      return {};
    }

    function* fault(own: Syscalls, client: Client<Space>): Sys<Reply> {
      const access = own.utcb.word(0), address = own.utcb.word(1), page = Math.floor(address / PAGE), space = client.state,
        dest = page * PAGE;
      if (address < base || address >= base + pages * PAGE || access === 12) return { label: Resume.stop };
      let frame = space.get(page);
      if (!frame) space.set(page, (frame = yield* newFrame(own)));
      else if (access === STORE && frame.users > 1) {
        const copy = yield* newFrame(own);
        own.memory.copy(copy.at, frame.at, PAGE);
        frame.users--;
        copies++;
        space.set(page, (frame = copy));
      }
      const rights = frame.users === 1 ? Right.RW : Right.R;
      return { label: Resume.go, items: [{ flexpage: memoryPage(frame.at, 12, rights), dest }] };
    }

    yield* serve<Space>(sys, env, 'memory', {
      mtd: Mtd.exit,
      open: (name) => { const space: Space = new Map(); spaces.set(name, space); return space; },
      *request(own, client) {
        const label = own.utcb.label;
        if (label === Cause.pageFault) return yield* fault(own, client);
        if (label === COUNTS) return { words: [used, copies] };
        if (label === END) {
          for (const frame of client.state.values()) yield* drop(own, frame);
          client.state.clear();
          return {};
        }
        const parent = spaces.get(`process${own.utcb.word(0)}`);
        if (label !== FORK) return { label: Status.badOp };
        if (!parent) return { label: Status.badArgument };
        return client.state.size > 0 ? { label: Status.busy } : yield* fork(own, parent, client.state);
      },
    });
  },
};
export default cow;
