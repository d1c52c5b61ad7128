// A monitor on a processor that lets user mode read sstatus. Guests run already, and see the wrong register; README.md has the task.
import { Cause, Mtd, Resume, Right, Status, allocate, memoryPage, serve, valueOf, type Client, type Program, type Reply, type Sys,
  type Syscalls } from 'tessera';

const PAGE = 4096, STORE = 0x2f00;

/** A guest: frames of its memory by number of the page. What else do you have to keep? */
interface Guest { readonly frames: Map<number, number> }

const patcher: Program = {
  name: 'patcher',
  *main(sys, env) {
    function* frameOf(own: Syscalls, guest: Guest, page: number): Sys<number> {
      let frame = guest.frames.get(page);
      if (frame === undefined) guest.frames.set(page, (frame = valueOf(yield* allocate(own, env, PAGE, { rights: Right.RWX }))));
      return frame;
    }

    /** Word 0 is the cause (12 fetch, 13 load, 15 store), word 1 the address. */
    function* fault(own: Syscalls, guest: Guest): Sys<Reply> {
      const page = Math.floor(own.utcb.word(1) / PAGE), frame = yield* frameOf(own, guest, page);
      return { label: Resume.go, items: [{ flexpage: memoryPage(frame, 12, Right.RWX), dest: page * PAGE }] };
    }

    yield* serve<Guest>(sys, env, 'patcher', {
      mtd: Mtd.exit | Mtd.args | Mtd.regs | Mtd.pc,
      open: () => ({ frames: new Map() }),
      *request(own, { state: guest }: Client<Guest>): Sys<Reply> {
        const { label } = own.utcb, at = own.utcb.word(0), value = own.utcb.bigWord(1);
        if (label === Cause.pageFault) return yield* fault(own, guest);
        if (label === Cause.breakpoint) return { label: Resume.stop };
        if (label !== STORE) return { label: Status.badOp };
        own.memory.setU64((yield* frameOf(own, guest, Math.floor(at / PAGE))) + at % PAGE, BigInt.asUintN(64, value));
        return {};
      },
    });
  },
};
export default patcher;
