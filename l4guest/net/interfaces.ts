/** The network interfaces: there is one, `lo`. What the SIOCGIF… calls on any socket tell of it (struct ifreq: 16 bytes of name, 24 of value). */
import { E } from '../abi/errno.ts';
import type { Thread } from '../kernel/thread.ts';
import { bytesOf, clearUser, copyOut, getI64, getString, getU32, setU16, setU32 } from '../mm/uaccess.ts';
import { encode, inetAddress, loopbackIp, Af } from './address.ts';

/** UP, LOOPBACK, RUNNING, LOWER_UP; MTU; ARPHRD_LOOPBACK. */
export const Lo = { name: 'lo', index: 1, flags: 0x1_0049, mtu: 65536, type: 772, queue: 1000 } as const;

const Sioc = { NAME: 0x8910, CONF: 0x8912, FLAGS: 0x8913, ADDR: 0x8915, DSTADDR: 0x8917, BRDADDR: 0x8919, NETMASK: 0x891b, METRIC: 0x891d, MTU: 0x8921, HWADDR: 0x8927, INDEX: 0x8933, TXQLEN: 0x8942, MAP: 0x8970 } as const;
const inet = (...ip: number[]): Uint8Array => encode(inetAddress(Af.INET, new Uint8Array(ip), 0));

/** ioctl(2) on a socket; undefined = none of these. */
export function interfaceCall(t: Thread, command: number, va: number): number | undefined {
  const { mm } = t;
  if (command === Sioc.CONF) return listAll(t, va);
  if (command === Sioc.NAME) {
    if (getU32(mm, va + 16) !== Lo.index) return -E.NODEV;
    copyOut(mm, va, bytesOf(`${Lo.name}\0`));
    return 0;
  }
  const values: Record<number, () => void> = {
    [Sioc.FLAGS]: () => { setU16(mm, va + 16, Lo.flags & 0xffff); }, [Sioc.ADDR]: () => { copyOut(mm, va + 16, inet(127, 0, 0, 1)); }, [Sioc.DSTADDR]: () => { copyOut(mm, va + 16, inet(127, 0, 0, 1)); },
    [Sioc.BRDADDR]: () => { copyOut(mm, va + 16, inet(0, 0, 0, 0)); }, [Sioc.NETMASK]: () => { copyOut(mm, va + 16, inet(255, 0, 0, 0)); },
    [Sioc.METRIC]: () => { setU32(mm, va + 16, 0); }, [Sioc.MTU]: () => { setU32(mm, va + 16, Lo.mtu); }, [Sioc.HWADDR]: () => { clearUser(mm, va + 16, 16); setU16(mm, va + 16, Lo.type); },
    [Sioc.INDEX]: () => { setU32(mm, va + 16, Lo.index); }, [Sioc.TXQLEN]: () => { setU32(mm, va + 16, Lo.queue); }, [Sioc.MAP]: () => { clearUser(mm, va + 16, 24); },
  };
  const answer = values[command];
  if (!answer) return command >= 0x8900 && command < 0x8a00 ? -E.OPNOTSUPP : undefined;
  if ((getString(mm, va, 17) ?? '') !== Lo.name) return -E.NODEV;
  answer();
  return 0;
}
/** struct ifconf: room in bytes, address of the list (0 asks for the room needed). */
function listAll(t: Thread, va: number): number {
  const room = getU32(t.mm, va), list = getI64(t.mm, va + 8), bytes = new Uint8Array(40);
  bytes.set(bytesOf(Lo.name));
  bytes.set(encode(inetAddress(Af.INET, loopbackIp(Af.INET), 0)), 16);
  const n = list === 0 || room >= 40 ? 40 : 0;
  if (list !== 0 && n > 0) copyOut(t.mm, list, bytes);
  setU32(t.mm, va, n);
  return 0;
}
