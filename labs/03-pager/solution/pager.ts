import {
  Cause, Mtd, Ops, Own, Resume, Right, allocate, log, memoryPage, openRom, serve, valueOf, type Client, type Program, type Reply, type Sys,
  type Syscalls
} from 'tessera';

const STATS = 0x2100, PAGE = 4096;
const FETCH = 12, STORE = 15;

/** The pager's state of one client: page number → frame, in the order of arrival; contents of evicted pages. */
interface Space { readonly resident: Map<number, number>; readonly saved: Map<number, Uint8Array>; faults: number; evictions: number }

const pager: Program = {
  name: 'pager',
  *main(sys, env) {
    const { heap, pages, data, frames } = env.args as Record<string,
      number> as { heap: number; pages: number; data: number; frames: number };
    const file = (yield* openRom(sys, env, 'data'))!, unused: number[] = [];

    function* freeFrame(own: Syscalls, space: Space): Sys<number> {
      if (space.resident.size < frames) return unused.pop() ?? valueOf(yield* allocate(own, env, PAGE));
      const [page, frame] = [...space.resident][0]!;
      yield* own.must(Own.task, Ops.task.unmap, [memoryPage(frame, 12, 0), 0]);
      space.saved.set(page, own.memory.read(frame, PAGE));
      space.resident.delete(page);
      space.evictions++;
      return frame;
    }

    function* heapPage(own: Syscalls, space: Space, page: number): Sys<Reply> {
      const frame = yield* freeFrame(own, space), before = space.saved.get(page);
      if (before) own.memory.write(frame, before);
      else own.memory.fill(frame, PAGE, 0);
      space.resident.set(page, frame);
      return { label: Resume.go, items: [{ flexpage: memoryPage(frame, 12, Right.RW), dest: page * PAGE }] };
    }

    function* fault(own: Syscalls, client: Client<Space>): Sys<Reply> {
      const access = own.utcb.word(0), address = own.utcb.word(1), page = Math.floor(address / PAGE);
      client.state.faults++;
      if (address >= heap && address < heap + pages * PAGE && access !== FETCH) return yield* heapPage(own, client.state, page);
      if (address >= data && address < data + file.size && access !== FETCH && access !== STORE) {
        return { label: Resume.go, items: [{ flexpage: memoryPage(file.va + page * PAGE - data, 12, Right.R), dest: page * PAGE }] };
      }
      const what = access === FETCH ? 'fetch' : access === STORE ? 'store' : 'load';
      yield* log(own, env, `${client.name}: illegal ${what} at 0x${address.toString(16)}`);
      return { label: Resume.stop };
    }

    yield* serve<Space>(sys, env, 'pager', {
      mtd: Mtd.exit,
      open: () => ({ resident: new Map(), saved: new Map(), faults: 0, evictions: 0 }),
      *request(own, client) {
        const { state } = client;
        if (own.utcb.label === Cause.pageFault) return yield* fault(own, client);
        if (own.utcb.label === STATS) return { words: [state.faults, state.evictions, state.resident.size] };
        return { label: Resume.stop };
      },
      *closed(_own, { state }) {
        unused.push(...state.resident.values());
      },
    });
  },
};
export default pager;
