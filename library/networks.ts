/** Networks that need no host: the gateway, a switch, a loop. */
import type { NetCard, NetWiring } from '../machine/devices/net-port.ts';
import { Gateway } from '../machine/net/gateway/gateway.ts';
import { Hub, loopback } from '../machine/net/hub.ts';
import { SystemError } from '../system/system.ts';

/**
 * 'gateway': a host that answers ARP, ping, DHCP, UDP echo and TFTP; 'hub': one switch for all cards that name it; 'loop': a card receives
 * its own frames.
 */
export type Network = 'gateway' | 'hub' | 'loop' | { readonly tftp: Readonly<Record<string, Uint8Array>> };

export function networkCards(networks: readonly Network[]): NetCard[] {
  const hub = new Hub();
  return networks.map((network) => ({ connect: wiring(network, hub) }));
}

function wiring(network: Network, hub: Hub): NetWiring {
  if (typeof network === 'object') return new Gateway({ files: new Map(Object.entries(network.tftp)) }).port;
  switch (network) {
    case 'gateway': return new Gateway().port;
    case 'hub': return hub.port;
    case 'loop': return loopback;
    default: throw new SystemError(`a network card cannot be plugged into '${String(network)}' here; there are gateway, hub and loop`);
  }
}
