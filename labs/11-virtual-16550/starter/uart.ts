// A virtual serial port: each access of the guest to its registers arrives as an event. README.md describes the registers.
import { Cause, Mtd, Resume, Status, serve, type Program, type Reply, type Syscalls } from 'tessera';

const OUTPUT = 0x2800;

/** The guest's request. */
interface Access { readonly store: boolean; readonly register: number; readonly length: number }

/** Word 3 of the event, htinst: the instruction, transformed. This knows `lbu` and `sb` only. */
function decode(htinst: number): Access {
  const store = (htinst & 0x7f) === 0x23;
  return { store, register: store ? (htinst >> 20) & 31 : (htinst >> 7) & 31, length: 4 };
}

class Uart {
  private output: number[] = [];
  take(): number[] { return this.output.splice(0, 40); }
  read(_register: number): number { return 0x60; }
  write(register: number, value: number): void { if (register === 0) this.output.push(value); }
}

const uart: Program = {
  name: 'uart',
  *main(sys, env) {
    const base = Number(env.args['base']);

    function fault(own: Syscalls, device: Uart): Reply {
      const utcb = own.utcb, address = utcb.word(2) * 4 + (utcb.word(1) & 3), access = decode(utcb.word(3));
      if (access.store) device.write(address - base, utcb.x(access.register));
      else utcb.setX(access.register, device.read(address - base));
      utcb.pc += access.length;
      return { label: Resume.go, mtd: Mtd.pc | Mtd.args | Mtd.regs };
    }

    yield* serve<Uart>(sys, env, 'uart', {
      mtd: Mtd.exit | Mtd.args | Mtd.regs | Mtd.pc,
      open: () => new Uart(),
      *request(own, { state }) {
        if (own.utcb.label === Cause.guestPageFault) return fault(own, state);
        if (own.utcb.label === OUTPUT) {
          const bytes = state.take();
          return { words: [bytes.length, ...bytes] };
        }
        return { label: Status.badOp };
      },
    });
  },
};
export default uart;
