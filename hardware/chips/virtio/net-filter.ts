/**
 * Which frames a network card lets through to its driver, as the control queue sets it: addresses and VLANs.
 *
 *   command: class u8, command u8 │ data … │ ack u8 (0 = done, 1 = error)
 *
 * @spec virtio 5.1.6.5
 */
const CLASS = { RX: 0, MAC: 1, VLAN: 2, ANNOUNCE: 3 } as const;
const MAC_COMMAND = { TABLE_SET: 0, ADDR_SET: 1 } as const;
const VLAN_COMMAND = { ADD: 0, DELETE: 1 } as const;
/** Commands of class RX, in the order of their numbers. */
const modes = ['promiscuous', 'allMulticast', 'allUnicast', 'noMulticast', 'noUnicast', 'noBroadcast'] as const;
const MAC_BYTES = 6;
const TABLE_ENTRIES = 64;
const VLAN_TYPE = 0x8100;
export const TAG_BYTES = 4;
const VLAN_IDS = 4096;

type Modes = Record<(typeof modes)[number], boolean>;
export type NetFilterState = {
  readonly mac: Uint8Array; readonly modes: Readonly<Modes>; readonly unicast: readonly Uint8Array[];
  readonly multicast: readonly Uint8Array[]; readonly vlans: Uint8Array;
};

export class NetFilter {
  mac: Uint8Array;
  readonly #factoryMac: Uint8Array;
  /** Until the driver sets a filter every frame passes, as for a driver without a control queue. */
  #modes: Modes = allowAll();
  #unicast: Uint8Array[] = [];
  #multicast: Uint8Array[] = [];
  readonly #vlans = new Uint8Array(VLAN_IDS);

  constructor(mac: Uint8Array) {
    this.#factoryMac = mac;
    this.mac = mac;
  }

  reset(): void {
    this.mac = this.#factoryMac;
    this.#modes = allowAll();
    this.#unicast = this.#multicast = [];
    this.#vlans.fill(0);
  }

  save(): NetFilterState {
    return {
      mac: this.mac, modes: { ...this.#modes }, unicast: [...this.#unicast], multicast: [...this.#multicast], vlans: this.#vlans.slice()
    };
  }

  load(state: NetFilterState): void {
    this.mac = state.mac;
    this.#modes = { ...state.modes };
    this.#unicast = [...state.unicast];
    this.#multicast = [...state.multicast];
    this.#vlans.set(state.vlans.subarray(0, VLAN_IDS));
  }

  /** Does the driver want this frame? `vlans`: filtering of VLANs was negotiated. */
  wants(frame: Uint8Array, vlans: boolean): boolean {
    if (vlans && vlanOf(frame) >= 0 && this.#vlans[vlanOf(frame)] === 0) return false;
    const modes = this.#modes;
    if (modes.promiscuous) return true;
    if (frame.subarray(0, MAC_BYTES).every((b) => b === 0xff)) return !modes.noBroadcast;
    if ((frame[0] & 1) !== 0) return !modes.noMulticast && (modes.allMulticast || this.#multicast.some((a) => startsWith(frame, a)));
    return !modes.noUnicast && (modes.allUnicast || startsWith(frame, this.mac) || this.#unicast.some((a) => startsWith(frame, a)));
  }

  /** Performs one command; false = the command is unknown or malformed, and nothing has changed. */
  command(bytes: Uint8Array): boolean {
    const [kind, command] = bytes;
    const data = bytes.subarray(2);
    switch (kind) {
      case CLASS.RX: return this.#setMode(command, data);
      case CLASS.MAC:
        return command === MAC_COMMAND.TABLE_SET ? this.#setTables(data) : command === MAC_COMMAND.ADDR_SET && this.#setAddress(data);
      case CLASS.VLAN: return this.#setVlan(command, data);
      default: return false;
    }
  }

  #setMode(command: number, data: Uint8Array): boolean {
    const mode = modes[command];
    if (mode === undefined || data.length !== 1) return false;
    this.#modes[mode] = data[0] !== 0;
    return true;
  }

  #setAddress(data: Uint8Array): boolean {
    if (data.length !== MAC_BYTES || (data[0] & 1) !== 0) return false;
    this.mac = data.slice();
    return true;
  }

  /** Two tables, each a count u32 and as many addresses: unicast, multicast. */
  #setTables(data: Uint8Array): boolean {
    const first = readTable(data, 0);
    const second = first === undefined ? undefined : readTable(data, first.end);
    if (first === undefined || second === undefined || second.end !== data.length) return false;
    this.#unicast = first.addresses;
    this.#multicast = second.addresses;
    return true;
  }

  #setVlan(command: number, data: Uint8Array): boolean {
    const id = data[0] | (data[1] << 8);
    if (data.length !== 2 || id >= VLAN_IDS || (command !== VLAN_COMMAND.ADD && command !== VLAN_COMMAND.DELETE)) return false;
    this.#vlans[id] = command === VLAN_COMMAND.ADD ? 1 : 0;
    return true;
  }
}

function allowAll(): Modes {
  return { promiscuous: true, allMulticast: false, allUnicast: false, noMulticast: false, noUnicast: false, noBroadcast: false };
}

function readTable(data: Uint8Array, at: number): { addresses: Uint8Array[]; end: number } | undefined {
  if (data.length < at + 4) return undefined;
  const count = new DataView(data.buffer, data.byteOffset).getUint32(at, true);
  const end = at + 4 + MAC_BYTES * count;
  if (count > TABLE_ENTRIES || data.length < end) return undefined;
  return { addresses: Array.from({ length: count }, (_, i) => data.slice(at + 4 + MAC_BYTES * i, at + 4 + MAC_BYTES * (i + 1))), end };
}

/** Does the frame carry a VLAN tag? */
export function isTagged(frame: Uint8Array): boolean {
  return ((frame[12] << 8) | frame[13]) === VLAN_TYPE && frame.length >= 16;
}

/** The VLAN of a tagged frame, -1 of one without a tag. */
function vlanOf(frame: Uint8Array): number {
  return isTagged(frame) ? ((frame[14] << 8) | frame[15]) & (VLAN_IDS - 1) : -1;
}

function startsWith(frame: Uint8Array, address: Uint8Array): boolean {
  for (let i = 0; i < MAC_BYTES; i++) if (frame[i] !== address[i]) return false;
  return true;
}
