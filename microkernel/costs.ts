/**
 * Costs of kernel work in cycles (1 cycle = 1 ns of virtual time): a model of a small in-order core whose sums match published
 * measurements. Counts (counters.ts) are exact, cycles come from this table.
 *
 *   [L4Re]  l4re.org/perf: a system call 230, IPC 562 within a task and 691 between tasks, Cortex-A53
 *   [seL4]  sel4bench on a Freedom U500 RISC-V core (H. Almatary, 2018): 518 client to server, 551 back, between tasks
 *
 * A call between tasks, one way, is entry + message + spaceSwitch + exit + registers = 540; an operation of an object is entry + invoke +
 * exit = 230; the difference that another task makes is spaceSwitch = 130. A cost without a published counterpart says `estimate`;
 * docs/costs.md shows the effect of half and double of all estimates. roottask/client/rates.ts has the costs of servers.
 */
export const COSTS = {
  /** Trap entry: saving the registers the kernel uses, finding the cause. [L4Re] with `invoke` and `exit` */
  entry: 80,
  /** Return to user level. [L4Re] */
  exit: 60,
  /** Another address space becomes active; ASIDs make a flush unnecessary. [L4Re] inter minus intra */
  spaceSwitch: 130,
  /** A guest's world is loaded or saved: hgatp and sixteen vs* registers. Estimate: 16 cycles a register. */
  worldSwitch: 270,
  /** Finding the portal and its thread, and handing over. [seL4] */
  message: 200,
  /** Per word copied between UTCBs: a load and a store. */
  word: 2,
  /** Per typed item. Estimate. */
  item: 60,
  /** An event: a message that the kernel makes of a trap (state is charged by the word). [seL4], like `message` */
  event: 200,
  /** An operation of a kernel object: decoding it. [L4Re] */
  invoke: 90,
  /** Per leaf entry mapped (page or superpage), with its mapping node. Estimate: some cache misses. */
  map: 100,
  /** Per leaf entry removed or reduced. Estimate. */
  unmap: 100,
  /** A mapping node, table entry or capability that an operation visits: two loads, one of which misses. Estimate: 10 to 40. */
  node: 20,
  /** A capability put into a slot or taken out, with its place in the tree. Estimate: half of `map`, which writes a table too. */
  cap: 50,
  /** A page-table frame: clearing 4 KiB, 16 bytes a cycle. */
  frame: 256,
  /** Creating or destroying an object. Estimate. */
  object: 250,
  /** Choosing another context. Estimate. */
  schedule: 60,
  /** Another thread's register file is loaded: 64 registers. */
  registers: 70,
  /** Claiming an interrupt: two uncached accesses. Estimate. */
  interrupt: 150,
} as const;

/** Sizes of objects in bytes of kernel memory. Frames are 4096. */
export const BYTES = {
  task: 512, thread: 1024, guest: 2048, portal: 64, semaphore: 64, schedContext: 128, factory: 128,
  /** One capability; one directory of 256 slots. */
  cap: 64, capChunk: 2048,
  /** One mapping node; one directory of the parts of a superpage. */
  node: 64, parts: 4096,
  frame: 4096,
} as const;
