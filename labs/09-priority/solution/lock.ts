import {
  Ops, Status, answerKept, capPage, keepReply, serve, type Client, type Program, type Reply, type Sys, type Syscalls
} from 'tessera';

const HELLO = 0x2700, ACQUIRE = 0x2701, RELEASE = 0x2702, HOLDER = 0x2703;

/** A client: its scheduling context (a selector of ours), its own priority, the one that it has now, and the lock that it waits for. */
interface Who { context: number; own: number; now: number; waits: Lock | undefined; reply: number }
interface Lock { holder: Client<Who> | undefined; queue: Client<Who>[] }

const lock: Program = {
  name: 'lock',
  *main(sys, env) {
    const count = Number(env.args['locks']), locks: Lock[] = Array.from({ length: count }, () => ({ holder: undefined, queue: [] }));

    /** The priority that a client must have: its own, or that of a client that waits for its lock. */
    const due = (c: Client<Who>): number =>
      Math.max(c.state.own, ...locks.filter((l) => l.holder === c).flatMap((l) => l.queue.map((w) => w.state.now)));

    /** Sets the priority of a client, of the holder of the lock it waits for, and so on. */
    function* adjust(own: Syscalls, start: Client<Who> | undefined): Sys<void> {
      for (let c = start; c; c = c.state.waits?.holder) {
        const priority = due(c);
        if (priority === c.state.now) return;
        c.state.now = priority;
        yield* own.must(c.state.context, Ops.schedContext.set, [priority, 0, 0]);
      }
    }

    /** The lock goes to the waiting client with the highest priority; among equals to the longest waiting. */
    function* handOver(own: Syscalls, l: Lock): Sys<void> {
      const before = l.holder;
      l.holder = undefined;
      if (before) yield* adjust(own, before);
      while (l.queue.length > 0) {
        const highest = Math.max(...l.queue.map((w) => w.state.now)),
          next = l.queue.splice(l.queue.findIndex((w) => w.state.now === highest), 1)[0]!;
        next.state.waits = undefined;
        l.holder = next;
        if ((yield* answerKept(own, env, next.state.reply)) === Status.ok) return yield* adjust(own, next);
        l.holder = undefined;
      }
    }

    function* acquire(own: Syscalls, client: Client<Who>, l: Lock): Sys<Reply | undefined> {
      if (l.holder === client) return { label: Status.busy };
      if (!l.holder) { l.holder = client; return {}; }
      client.state.reply = yield* keepReply(own, env);
      client.state.waits = l;
      l.queue.push(client);
      yield* adjust(own, l.holder);
      return undefined;
    }

    let fresh = env.selector();
    yield* serve<Who>(sys, env, 'lock', {
      window: () => capPage(fresh),
      open: () => ({ context: 0, own: 0, now: 0, waits: undefined, reply: 0 }),
      *request(own, client) {
        const label = own.utcb.label, n = own.utcb.word(0), l = locks[n];
        if (label === HELLO) {
          if (own.utcb.itemCount === 0) return { label: Status.badArgument };
          client.state.own = client.state.now = n;
          client.state.context = fresh;
          fresh = env.selector();
          return {};
        }
        if (label !== ACQUIRE && label !== RELEASE && label !== HOLDER) return { label: Status.badOp };
        if (!l) return { label: Status.badArgument };
        if (label === HOLDER) return { words: [l.holder?.id ?? 0, l.queue.length] };
        if (label === ACQUIRE) return yield* acquire(own, client, l);
        if (l.holder !== client) return { label: Status.badRights };
        yield* handOver(own, l);
        return {};
      },
      *closed(own, client) {
        for (const l of locks) {
          l.queue = l.queue.filter((w) => w !== client);
          if (l.holder === client) yield* handOver(own, l);
          else yield* adjust(own, l.holder);
        }
      },
    });
  },
};
export default lock;
