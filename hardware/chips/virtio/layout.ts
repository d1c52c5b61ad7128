/**
 * The layouts of virtio: registers, rings, requests. Written once, for devices and for drivers. Offsets and sizes are bytes, values
 * are little-endian. @spec virtio 2.7, 2.8, 4.2.2, 5 (v1.2)
 */

/** Device identifiers. @spec virtio 5 */
export const VirtioId = { NET: 1, BLOCK: 2, CONSOLE: 3, ENTROPY: 4, FILES: 9 } as const;

/** Feature bits of every device. @spec virtio 6 */
export const Feature = { INDIRECT: 28, EVENT_IDX: 29, VERSION_1: 32, RING_PACKED: 34, IN_ORDER: 35, RING_RESET: 40 } as const;

/** Registers of virtio-mmio; addresses take two. @spec virtio 4.2.2 */
export const Reg = {
  MAGIC: 0x00, VERSION: 0x04, DEVICE_ID: 0x08, VENDOR_ID: 0x0c, DEVICE_FEATURES: 0x10, DEVICE_FEATURES_SEL: 0x14,
  DRIVER_FEATURES: 0x20, DRIVER_FEATURES_SEL: 0x24, QUEUE_SEL: 0x30, QUEUE_NUM_MAX: 0x34, QUEUE_NUM: 0x38, QUEUE_READY: 0x44,
  QUEUE_NOTIFY: 0x50, INTERRUPT_STATUS: 0x60, INTERRUPT_ACK: 0x64, STATUS: 0x70, QUEUE_DESC: 0x80, QUEUE_DRIVER: 0x90,
  QUEUE_DEVICE: 0xa0, SHM_LENGTH: 0xb0, SHM_BASE: 0xb8, QUEUE_RESET: 0xc0, CONFIG_GENERATION: 0xfc, CONFIG: 0x100,
} as const;
export const MAGIC = 0x7472_6976; // "virt"
export const MMIO_VERSION = 2;
export const Status = { ACKNOWLEDGE: 1, DRIVER: 2, DRIVER_OK: 4, FEATURES_OK: 8, NEEDS_RESET: 64, FAILED: 128 } as const;
export const Interrupt = { USED: 1, CONFIG: 2 } as const;

/**
 * A descriptor: address u64, length u32, then flags u16 and next u16 (split), or id u16 and flags u16 (packed).
 * @spec virtio 2.7.5, 2.8.13
 */
export const Desc = { BYTES: 16, ADDRESS: 0, LENGTH: 8, FLAGS: 12, NEXT: 14, PACKED_ID: 12, PACKED_FLAGS: 14 } as const;
export const DescFlag = { NEXT: 1, WRITE: 2, INDIRECT: 4, AVAIL: 1 << 7, USED: 1 << 15 } as const;

/** The driver's part of a split ring: flags u16, index u16, ring[size] u16, used_event u16. @spec virtio 2.7.6 */
export const Avail = {
  FLAGS: 0, INDEX: 2, RING: 4, NO_INTERRUPT: 1,
  bytes: (size: number): number => 6 + 2 * size, usedEvent: (size: number): number => 4 + 2 * size,
} as const;
/** The device's part: flags u16, index u16, ring[size] { id u32, length u32 }, avail_event u16. @spec virtio 2.7.8 */
export const Used = {
  FLAGS: 0, INDEX: 2, RING: 4, ENTRY: 8, ENTRY_LENGTH: 4,
  bytes: (size: number): number => 6 + 8 * size, availEvent: (size: number): number => 4 + 8 * size,
} as const;
/** Either part of a packed ring: position u16 (bit 15 = wrap counter), flags u16. @spec virtio 2.8.14 */
export const Event = { BYTES: 4, POSITION: 0, FLAGS: 2, ENABLE: 0, DISABLE: 1, AT: 2, WRAP: 1 << 15 } as const;

/** A request for a disk: type u32, reserved u32, sector u64 │ data │ status u8. @spec virtio 5.2.6 */
export const Block = {
  SECTOR: 512, HEADER: 16, TYPE_AT: 0, SECTOR_AT: 8,
  feature: { SEG_MAX: 2, RO: 5, BLK_SIZE: 6, FLUSH: 9, WRITE_ZEROES: 14 },
  type: { IN: 0, OUT: 1, FLUSH: 4, GET_ID: 8, WRITE_ZEROES: 13 },
  status: { OK: 0, IOERR: 1, UNSUPP: 2 },
  config: { CAPACITY: 0, SEG_MAX: 12, BLK_SIZE: 20, MAX_WRITE_ZEROES: 48, MAX_WRITE_ZEROES_SEG: 52, BYTES: 60 },
  /** A range to zero: sector u64, sectors u32, flags u32. */
  zeroes: { BYTES: 16, SECTOR_AT: 0, COUNT_AT: 8, FLAGS_AT: 12, UNMAP: 1 },
} as const;

/** A packet: this header, then the frame. @spec virtio 5.1.6 */
export const Net = {
  HEADER: 12, FLAGS_AT: 0, CHECKSUM_START_AT: 6, CHECKSUM_OFFSET_AT: 8, BUFFERS_AT: 10, NEEDS_CHECKSUM: 1,
  RECEIVE: 0, TRANSMIT: 1, CONTROL: 2,
  feature: {
    CSUM: 0, MTU: 3, MAC: 5, MRG_RXBUF: 15, STATUS: 16, CTRL_VQ: 17, CTRL_RX: 18, CTRL_VLAN: 19, CTRL_RX_EXTRA: 20, CTRL_MAC_ADDR: 23
  },
  config: { MAC: 0, STATUS: 6, MAX_PAIRS: 8, MTU: 10, BYTES: 12 },
} as const;

/** @spec virtio 5.3.4 */
export const Console = {
  RECEIVE: 0, TRANSMIT: 1, feature: { SIZE: 0, MULTIPORT: 1, EMERG_WRITE: 2 },
  config: { COLUMNS: 0, ROWS: 2, MAX_PORTS: 4, EMERG_WRITE: 8, BYTES: 12 },
} as const;
