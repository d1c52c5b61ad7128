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
      for (let client = start; client; client = client.state.waits?.holder) {
        const priority = due(client);
        if (priority === client.state.now) return;
        client.state.now = priority;
        yield* own.must(client.state.context, Ops.schedContext.set, [priority, 0, 0]);
      }
    }

    /** The lock goes to the waiting client with the highest priority; among equals to the longest waiting. */
    function* handOver(own: Syscalls, lock: Lock): Sys<void> {
      const before = lock.holder;
      lock.holder = undefined;
      if (before) yield* adjust(own, before);
      while (lock.queue.length > 0) {
        const highest = Math.max(...lock.queue.map((w) => w.state.now)),
          next = lock.queue.splice(lock.queue.findIndex((w) => w.state.now === highest), 1)[0]!;
        next.state.waits = undefined;
        lock.holder = next;
        if ((yield* answerKept(own, env, next.state.reply)) === Status.ok) return yield* adjust(own, next);
        lock.holder = undefined;
      }
    }

    function* acquire(own: Syscalls, client: Client<Who>, lock: Lock): Sys<Reply | undefined> {
      if (lock.holder === client) return { label: Status.busy };
      if (!lock.holder) { lock.holder = client; return {}; }
      client.state.reply = yield* keepReply(own, env);
      client.state.waits = lock;
      lock.queue.push(client);
      yield* adjust(own, lock.holder);
      return undefined;
    }

    let fresh = env.selector();
    yield* serve<Who>(sys, env, 'lock', {
      window: () => capPage(fresh),
      open: () => ({ context: 0, own: 0, now: 0, waits: undefined, reply: 0 }),
      *request(own, client) {
        const label = own.utcb.label, n = own.utcb.word(0), lock = locks[n];
        if (label === HELLO) {
          if (own.utcb.itemCount === 0) return { label: Status.badArgument };
          client.state.own = client.state.now = n;
          client.state.context = fresh;
          fresh = env.selector();
          return {};
        }
        if (label !== ACQUIRE && label !== RELEASE && label !== HOLDER) return { label: Status.badOp };
        if (!lock) return { label: Status.badArgument };
        if (label === HOLDER) return { words: [lock.holder?.id ?? 0, lock.queue.length] };
        if (label === ACQUIRE) return yield* acquire(own, client, lock);
        if (lock.holder !== client) return { label: Status.badRights };
        yield* handOver(own, lock);
        return {};
      },
      *closed(own, client) {
        for (const lock of locks) {
          lock.queue = lock.queue.filter((w) => w !== client);
          if (lock.holder === client) yield* handOver(own, lock);
          else yield* adjust(own, lock.holder);
        }
      },
    });
  },
};
export default lock;
