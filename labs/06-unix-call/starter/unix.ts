// A Unix server with five calls. Memory works already; README.md describes the calls.
import {
  Cause, Mtd, Resume, Right, allocate, memoryPage, serve, valueOf, type Client, type Program, type Reply, type Sys, type Syscalls
} from 'tessera';

const PAGE = 4096, A0 = 10, A7 = 17;

/** A process: its pages by number, and the end of its memory. */
interface Process { readonly pages: Map<number, number>; readonly brk: number }

const unix: Program = {
  name: 'unix',
  *main(sys, env) {
    const { base, least } = env.args as Record<string, number> as { base: number; least: number; most: number };

    const inside = (p: Process, address: number, length: number): boolean => address >= base && address + length <= p.brk;

    /** The address of this page of the process in our own memory; it is created on first use. */
    function* frameOf(own: Syscalls, process: Process, page: number): Sys<number> {
      let frame = process.pages.get(page);
      if (frame === undefined) process.pages.set(page, (frame = valueOf(yield* allocate(own, env, PAGE))));
      return frame;
    }

    /** A system call: its number in a7, arguments in a0, a1, a2; the result goes to a0. */
    function* call(own: Syscalls, client: Client<Process>): Sys<Reply> {
      const nr = own.utcb.x(A7);
      if (nr === 172) own.utcb.setX(A0, client.id);
      return { label: Resume.go, mtd: Mtd.result };
    }
    function* fault(own: Syscalls, client: Client<Process>): Sys<Reply> {
      const address = own.utcb.word(1), page = Math.floor(address / PAGE);
      if (!inside(client.state, address, 1)) return { label: Resume.stop };
      return {
        label: Resume.go, items: [{ flexpage: memoryPage(yield* frameOf(own, client.state, page), 12, Right.RW), dest: page * PAGE }]
      };
    }

    yield* serve<Process>(sys, env, 'unix', {
      mtd: Mtd.exit | Mtd.args,
      open: () => ({ pages: new Map(), brk: base + least }),
      *request(own, client) {
        if (own.utcb.label === Cause.syscall) return yield* call(own, client);
        if (own.utcb.label === Cause.pageFault) return yield* fault(own, client);
        return { label: Resume.stop };
      },
    });
  },
};
export default unix;
