import {
  Cause, Mtd, Ops, Own, Resume, Right, allocate, log, memoryPage, serve, textOf, valueOf, type Client, type Program, type Reply, type Sys,
  type Syscalls
} from 'tessera';

const PAGE = 4096, A0 = 10, A7 = 17;
const EBADF = -9, EFAULT = -14, ENOSYS = -38;

/** A process: its pages by number, the end of its memory, and output without an end of line yet. */
interface Process { readonly pages: Map<number, number>; brk: number; readonly out: Map<number, number[]>; read: number }

const unix: Program = {
  name: 'unix',
  *main(sys, env) {
    const { base, least, most } = env.args as Record<string, number> as { base: number; least: number; most: number };
    const input = new TextEncoder().encode(String(env.args['input']));

    const inside = (p: Process, address: number, length: number): boolean => address >= base && length >= 0 && address + length <= p.brk;

    function* frameOf(own: Syscalls, process: Process, page: number): Sys<number> {
      let frame = process.pages.get(page);
      if (frame === undefined) process.pages.set(page, (frame = valueOf(yield* allocate(own, env, PAGE))));
      return frame;
    }
    /** Calls `part` for each piece of [address, address + length) within a page: its address here, and its range of bytes. */
    function* pieces(own: Syscalls, process: Process, address: number, length: number,
        part: (at: number, from: number, to: number) => void): Sys<void> {
      for (let done = 0; done < length; ) {
        const at = address + done, offset = at % PAGE, n = Math.min(length - done, PAGE - offset);
        part((yield* frameOf(own, process, Math.floor(at / PAGE))) + offset, done, done + n);
        done += n;
      }
    }

    function* write(own: Syscalls, client: Client<Process>, fd: number, address: number, length: number): Sys<number> {
      if (fd !== 1 && fd !== 2) return EBADF;
      if (!inside(client.state, address, length)) return EFAULT;
      const line = client.state.out.get(fd) ?? [];
      client.state.out.set(fd, line);
      yield* pieces(own, client.state, address, length, (at, from, to) => { line.push(...own.memory.read(at, to - from)); });
      for (let end = line.indexOf(10); end >= 0; end = line.indexOf(10)) {
        const text = textOf(new Uint8Array(line.splice(0, end + 1).slice(0, -1)));
        yield* log(own, env, `${client.name}${fd === 1 ? ':' : '!'} ${text}`);
      }
      return length;
    }
    function* read(own: Syscalls, process: Process, fd: number, address: number, length: number): Sys<number> {
      if (fd !== 0) return EBADF;
      if (!inside(process, address, length)) return EFAULT;
      const bytes = input.slice(process.read, process.read + length);
      yield* pieces(own, process, address, bytes.length, (at, from, to) => own.memory.write(at, bytes.subarray(from, to)));
      process.read += bytes.length;
      return bytes.length;
    }
    function* brk(own: Syscalls, process: Process, wanted: number): Sys<number> {
      if (wanted < base + least || wanted > base + most) return process.brk;
      for (const [page, frame] of [...process.pages]) {
        if (page * PAGE < wanted) continue;
        yield* own.must(Own.task, Ops.task.unmap, [memoryPage(frame, 12, 0), 1]);
        process.pages.delete(page);
      }
      return (process.brk = wanted);
    }

    function* call(own: Syscalls, client: Client<Process>): Sys<Reply> {
      const [a0, a1, a2] = [own.utcb.x(A0), own.utcb.x(A0 + 1), own.utcb.x(A0 + 2)] as [number, number, number], nr = own.utcb.x(A7),
        process = client.state;
      let result = ENOSYS;
      switch (nr) {
        case 63: result = yield* read(own, process, a0, a1, a2); break;
        case 64: result = yield* write(own, client, a0, a1, a2); break;
        case 93: yield* log(own, env, `${client.name}: exit ${a0 & 255}`); return { label: Resume.stop };
        case 172: result = 100 + client.id; break;
        case 214: result = yield* brk(own, process, a0); break;
      }
      own.utcb.setX(A0, result);
      return { label: Resume.go, mtd: Mtd.result };
    }
    function* fault(own: Syscalls, client: Client<Process>): Sys<Reply> {
      const access = own.utcb.word(0), address = own.utcb.word(1), page = Math.floor(address / PAGE);
      if (!inside(client.state, address, 1) || access === 12) {
        yield* log(own, env, `${client.name}: segmentation fault at 0x${address.toString(16)}`);
        return { label: Resume.stop };
      }
      const frame = yield* frameOf(own, client.state, page);
      return { label: Resume.go, items: [{ flexpage: memoryPage(frame, 12, Right.RW), dest: page * PAGE }] };
    }

    yield* serve<Process>(sys, env, 'unix', {
      mtd: Mtd.exit | Mtd.args,
      open: () => ({ pages: new Map(), brk: base + least, out: new Map(), read: 0 }),
      *request(own, client) {
        if (own.utcb.label === Cause.syscall) return yield* call(own, client);
        if (own.utcb.label === Cause.pageFault) return yield* fault(own, client);
        return { label: Resume.stop };
      },
    });
  },
};
export default unix;
