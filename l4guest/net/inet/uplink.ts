/** The uplink: an Ethernet interface eth0 on a network card, its addresses, its route. */
import { ANY4, type Ip } from '../../../network/address.ts';
import { Window } from '../../../microkernel/abi/index.ts';
import type { Interface, Link } from '../../../network/link/interface.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { S } from '../../abi/linux.ts';
import { bytesOf } from '../../mm/uaccess.ts';
import { TmpDir } from '../../fs/tmpfs.ts';
import { inetOf } from './inet.ts';

/** The configuration of the interface at boot, as a boot loader would give it (ip=…). Absent: programs configure it. */
export interface NetworkConfig {
  readonly address: readonly number[];
  readonly bits: number;
  readonly gateway: readonly number[];
  readonly nameServer?: string
}

/** Route made at boot (rtnetlink's RTPROT_BOOT). */
const BOOT = 3;

export function addUplink(k: Kernel, link: Link, config: NetworkConfig | undefined): Interface {
  const inet = inetOf(k), { stack } = inet;
  const face = stack.addEthernet('eth0', link);
  inet.act(() => {
    if (config) {
      const ip: Ip = Uint8Array.from(config.address);
      stack.assign(face, ip, config.bits);
      stack.routes.add({ prefix: ANY4, bits: 0, gateway: Uint8Array.from(config.gateway), interface: face, metric: 0, origin: BOOT });
    }
    stack.discovery.get(face)!.start();
  });
  return face;
}

/** Writes /etc/resolv.conf if a root file system has none. It looks names up, so it may run again (NotHere). */
export function nameServer(k: Kernel, server: string): void {
  const etc = k.root.lookup('etc');
  if (!(etc instanceof TmpDir) || etc.lookup('resolv.conf')) return;
  etc.add('resolv.conf', etc.create(S.IFREG | 0o644, 0, { bytes: new Window(bytesOf(`nameserver ${server}\n`), false), pfn: 0 }));
}
