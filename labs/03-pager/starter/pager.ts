// A pager: answers the page faults of its clients with memory. README.md gives the layout.
import {
  Cause, Mtd, Resume, Right, allocate, memoryPage, serve, valueOf, type Client, type Program, type Reply, type Sys, type Syscalls
} from 'tessera';

const STATS = 0x2100, PAGE = 4096;

/** The pager's state of one client. */
interface Space { faults: number }

const pager: Program = {
  name: 'pager',
  *main(sys, env) {
    const { heap, pages } = env.args as Record<string, number> as { heap: number; pages: number; data: number; frames: number };

    /**
     * A page fault: word 0 is the cause (12 fetch, 13 load, 15 store), word 1 the address. The reply maps a page and resumes the client.
     */
    function* fault(own: Syscalls, client: Client<Space>): Sys<Reply> {
      const address = own.utcb.word(1), page = Math.floor(address / PAGE);
      client.state.faults++;
      if (address < heap || address >= heap + pages * PAGE) return { label: Resume.stop };
      const frame = valueOf(yield* allocate(own, env, PAGE));
      return { label: Resume.go, items: [{ flexpage: memoryPage(frame, 12, Right.R), dest: page * PAGE }] };
    }

    yield* serve<Space>(sys, env, 'pager', {
      mtd: Mtd.exit,
      open: () => ({ faults: 0 }),
      *request(own, client) {
        if (own.utcb.label === Cause.pageFault) return yield* fault(own, client);
        if (own.utcb.label === STATS) return { words: [client.state.faults] };
        return { label: Resume.stop };
      },
    });
  },
};
export default pager;
