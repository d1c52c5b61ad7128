// Shadow page tables. The guest's memory works already; README.md describes the handling of a fault.
import { Cause, Resume, Right, Status, allocate, serve, valueOf, type Client, type Program, type Reply, type Sys,
  type Syscalls } from 'tessera';

const PAGE = 4096, STORE = 0x2e00, LOAD = 0x2e01, ROOT = 0x2e02, FENCE = 0x2e03, LAST = 0x2e04;

/** A guest: frames of its memory by number of the page, and where its table begins. */
interface Guest { readonly frames: Map<number, number>; root: number }

const shadow: Program = {
  name: 'shadow',
  *main(sys, env) {
    /** The address of a page of the guest's memory in our own. */
    function* frameOf(own: Syscalls, guest: Guest, page: number): Sys<number> {
      let frame = guest.frames.get(page);
      if (frame === undefined) guest.frames.set(page, (frame = valueOf(yield* allocate(own, env, PAGE, { rights: Right.RWX }))));
      return frame;
    }
    function* read(own: Syscalls, g: Guest, at: number): Sys<bigint> {
      return own.memory.u64((yield* frameOf(own, g, Math.floor(at / PAGE))) + at % PAGE);
    }
    function* write(own: Syscalls, g: Guest, at: number, value: bigint): Sys<void> {
      own.memory.setU64((yield* frameOf(own, g, Math.floor(at / PAGE))) + at % PAGE, value);
    }

    /** A page fault: word 0 is 12, 13 or 15 (fetch, load, store), word 1 the address. */
    function* fault(_own: Syscalls, _g: Guest): Sys<Reply> {
      return { label: Resume.stop };
    }

    yield* serve<Guest>(sys, env, 'shadow', {
      open: () => ({ frames: new Map(), root: 0 }),
      *request(own, { state: guest }: Client<Guest>) {
        const { label } = own.utcb, at = own.utcb.word(0), value = own.utcb.bigWord(1);
        if (label === Cause.pageFault) return yield* fault(own, guest);
        if (label === STORE) { yield* write(own, guest, at, value); return {}; }
        if (label === LOAD) return { words: [yield* read(own, guest, at)] };
        if (label === ROOT) { guest.root = at; return {}; }
        if (label === FENCE || label === LAST) return {};
        return { label: Status.badOp };
      },
    });
  },
};
export default shadow;
