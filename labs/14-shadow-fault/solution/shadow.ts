import {
  Cause, Ops, Own, Resume, Right, Status, allocate, memoryPage, serve, valueOf, type Client, type Program, type Reply, type Sys,
    type Syscalls,
} from 'tessera';

const PAGE = 4096, STORE = 0x2e00, LOAD = 0x2e01, ROOT = 0x2e02, FENCE = 0x2e03, LAST = 0x2e04;
const FETCH_FAULT = 12, STORE_FAULT = 15;
const V = 1n, R = 2n, W = 4n, X = 8n, U = 16n, A = 64n, D = 128n;

/**
 * A guest: frames of its memory by number of the page, its table, the contents of its shadow (page → frame), and its last unresolved fault.
 */
interface Guest {
  readonly frames: Map<number, number>;
  root: number;
  readonly shadow: Map<number, number>;
  fault: readonly [cause: number, address: number];
}
interface Leaf { readonly at: number; readonly entry: bigint; readonly page: number }

const shadow: Program = {
  name: 'shadow',
  *main(sys, env) {
    const pages = Number(env.args['pages']);

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

    /** Step 1: the guest's own table. undefined: there is no translation. */
    function* walk(own: Syscalls, guest: Guest, va: number): Sys<Leaf | undefined> {
      let table = guest.root;
      for (let level = 2; level >= 0; level--) {
        const at = table + 8 * (Math.floor(va / 2 ** (12 + 9 * level)) % 512);
        if (at / PAGE >= pages) return undefined;
        const entry = yield* read(own, guest, at), number = Number((entry >> 10n) & 0xfff_ffff_ffffn);
        if ((entry & V) === 0n || (entry & (R | W)) === W) return undefined;
        if ((entry & (R | X)) !== 0n) {
          const inside = 2 ** (9 * level);
          return number % inside === 0 ? { at, entry, page: number + Math.floor(va / PAGE) % inside } : undefined;
        }
        table = number * PAGE;
      }
      return undefined;
    }

    function* drop(own: Syscalls, guest: Guest, page: number): Sys<void> {
      const frame = guest.shadow.get(page);
      if (frame === undefined) return;
      yield* own.must(Own.task, Ops.task.unmap, [memoryPage(frame, 12, 0), 0]);
      for (const [other, mapped] of guest.shadow) if (mapped === frame) guest.shadow.delete(other);
    }
    function* dropAll(own: Syscalls, g: Guest): Sys<void> {
      for (const page of [...g.shadow.keys()]) yield* drop(own, g, page);
    }

    function* fault(own: Syscalls, guest: Guest): Sys<Reply> {
      const cause = own.utcb.word(0), va = own.utcb.word(1), need = cause === FETCH_FAULT ? X : cause === STORE_FAULT ? W : R;
      const leaf = yield* walk(own, guest, va);
      if (leaf === undefined || (leaf.entry & U) === 0n || (leaf.entry & need) === 0n) {
        guest.fault = [cause, va];
        return { label: Resume.stop };
      }
      if (leaf.page >= pages) {
        guest.fault = [cause === FETCH_FAULT ? 1 : cause === STORE_FAULT ? 7 : 5, va];
        return { label: Resume.stop };
      }
      const entry = leaf.entry | A | (need === W ? D : 0n);
      if (entry !== leaf.entry) yield* write(own, guest, leaf.at, entry);
      const frame = yield* frameOf(own, guest, leaf.page), page = Math.floor(va / PAGE);
      const rights = ((entry & R) !== 0n ? Right.R : 0) | ((entry & W) !== 0n && (entry & D) !== 0n ? Right.W : 0)
        | ((entry & X) !== 0n ? Right.X : 0);
      guest.shadow.set(page, frame);
      return { label: Resume.go, items: [{ flexpage: memoryPage(frame, 12, rights), dest: page * PAGE }] };
    }

    function* request(own: Syscalls, { state: guest }: Client<Guest>): Sys<Reply> {
      const { label } = own.utcb, at = own.utcb.word(0), value = own.utcb.bigWord(1);
      if (label === Cause.pageFault) return yield* fault(own, guest);
      if (label === STORE) { yield* write(own, guest, at, value); return {}; }
      if (label === LOAD) return { words: [yield* read(own, guest, at)] };
      if (label === ROOT) { yield* dropAll(own, guest); guest.root = at; return {}; }
      if (label === FENCE) {
        if (at === 0) yield* dropAll(own, guest); else yield* drop(own, guest, Math.floor(at / PAGE));
        return {};
      }
      if (label === LAST) { const [cause, va] = guest.fault; guest.fault = [0, 0]; return { words: [cause, va] }; }
      return { label: Status.badOp };
    }

    yield* serve<Guest>(sys, env, 'shadow', {
      open: () => ({ frames: new Map(), root: 0, shadow: new Map(), fault: [0, 0] }),
      *request(own, client) { return yield* request(own, client); },
    });
  },
};
export default shadow;
