/**
 * What kernel work costs, in cycles (1 cycle = 1 ns of virtual time). A model: real figures depend on the processor; these keep the
 * proportions of published ones. Counts (counters.ts) are exact; cycles are this table's.
 */
export const COSTS = {
  /** Trap entry: saving the registers the kernel uses, finding the cause. */
  entry: 60,
  /** Return to user level. */
  exit: 50,
  /** Another address space becomes active (satp write; ASIDs make a flush unnecessary). */
  spaceSwitch: 60,
  /** A guest's world comes or goes: hgatp and the vs* registers. */
  worldSwitch: 250,
  /** Finding the portal and its thread, and handing over. */
  message: 90,
  /** Per word copied between UTCBs. */
  word: 1,
  /** Per typed item. */
  item: 60,
  /** An event: building the message from the trap. */
  event: 60,
  /** An operation of a kernel object. */
  invoke: 80,
  /** Per leaf entry mapped (page or superpage), including its mapping node. */
  map: 90,
  /** Per leaf entry taken away or reduced. */
  unmap: 90,
  /** A page-table frame: clearing 4 KiB. */
  frame: 300,
  /** Creating or destroying an object. */
  object: 250,
  /** Choosing another thread. */
  schedule: 60,
  /** Another thread's register file is loaded. */
  registers: 70,
  /** Claiming and masking an interrupt. */
  interrupt: 150,
} as const;

/** What things cost in bytes of kernel memory. Frames are 4096. */
export const BYTES = {
  task: 512, thread: 1024, guest: 2048, portal: 64, semaphore: 64, schedContext: 128, factory: 128,
  /** One capability; one directory of 256 slots. */
  cap: 64, capChunk: 2048,
  /** One mapping node; one directory of the parts of a superpage. */
  node: 64, parts: 4096,
  frame: 4096,
} as const;
