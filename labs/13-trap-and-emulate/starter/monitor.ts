// A monitor that traps and emulates. Here the guest's `csrr` and `csrw` of sscratch work already; README.md describes the rest.
import { Cause, Mtd, Resume, serve, type Client, type Program, type Reply, type Sys, type Syscalls } from 'tessera';

/** A virtual processor. */
interface Processor { sscratch: bigint }

const monitor: Program = {
  name: 'monitor',
  *main(sys, env) {
    /** An event of a guest: `own.utcb.label` is its cause, word 0 scause, word 1 stval (the bits of an illegal instruction). */
    function* event(own: Syscalls, client: Client<Processor>): Sys<Reply> {
      const processor = client.state, utcb = own.utcb, bits = utcb.word(1), rd = (bits >>> 7) & 31, rs = (bits >>> 15) & 31,
        csr = bits >>> 20;
      if (utcb.label !== Cause.illegal || (bits & 0x7f) !== 0x73 || csr !== 0x140) return { label: Resume.stop };
      const old = processor.sscratch;
      if (((bits >>> 12) & 7) === 1) processor.sscratch = utcb.xBig(rs);
      if (rd !== 0) utcb.setXBig(rd, old);
      utcb.pc += 4;
      return { label: Resume.go, mtd: Mtd.pc | Mtd.args | Mtd.regs };
    }

    yield* serve<Processor>(sys, env, 'monitor', {
      mtd: Mtd.exit | Mtd.args | Mtd.regs | Mtd.pc,
      open: () => ({ sscratch: 0n }),
      *request(own, client) { return yield* event(own, client); },
    });
  },
};
export default monitor;
