/* The grader's side of a submission in C: does what the grader's driver asks, and tells it what came back. */
#include "tessera.h"
#include "ring.h"

enum { NEXT = 0x2a00, AVAILABLE = 0x400, USED = 0x800, RING = 0x1000, HEAD = 0x1f00, TAIL = 0x1f04 };
enum { OP_RESET = 1, OP_ADD, OP_DONE, OP_TAKE, OP_GIVE, OP_POKE, OP_PEEK, OP_START, OP_RECEIVE, OP_RELEASE };
static u8 memory[8192] __attribute__((aligned(4096)));
static struct driver driver;
static struct device device;
static struct nic nic;
static struct frame frame;
static struct piece pieces[16];

/* What the compiler makes of copies. */
void *memset(void *to, int value, u64 n) { for (u64 i = 0; i < n; i++) ((volatile u8 *)to)[i] = value; return to; }
void *memcpy(void *to, const void *from, u64 n) { for (u64 i = 0; i < n; i++) ((volatile u8 *)to)[i] = ((const u8 *)from)[i]; return to; }

static void reset(u64 size) {
  struct queue q = { size, (struct descriptor *)memory, (struct available *)(memory + AVAILABLE), (struct used *)(memory + USED) };
  driver = (struct driver){ .q = q }, device = (struct device){ .q = q };
  driver_reset(&driver);
}
static void start(u64 size, u64 each) {
  nic = (struct nic){ .ring = (struct receive *)(memory + RING), .size = size, .head = (u32 *)(memory + HEAD), .tail = (u32 *)(memory + TAIL) };
  nic_start(&nic, 0x10000000, each);
}
static u64 memory_at(u64 at, u64 size, const u64 *value) {
  u64 old = 0;
  for (u64 i = 0; i < size && at + i < sizeof memory; i++) {
    old |= (u64)memory[at + i] << 8 * i;
    if (value) memory[at + i] = *value >> 8 * i;
  }
  return old;
}

/* What is asked stands in `w`; answers the number of words of the result, in `w` too. */
static u64 act(u64 *w) {
  u16 n = 0;
  u32 length = 0;
  switch (w[0]) {
    case OP_RESET: reset(w[1]); return 0;
    case OP_ADD:
      for (u64 i = 0; i < w[1] && i < 16; i++) pieces[i] = (struct piece){ w[2 + 3 * i], w[3 + 3 * i], w[4 + 3 * i] };
      w[0] = (i64)driver_add(&driver, pieces, w[1]);
      return 1;
    case OP_DONE: w[0] = (i64)driver_done(&driver, &length), w[1] = length; return 2;
    case OP_TAKE:
      w[0] = (i64)device_take(&device, pieces, w[1] < 16 ? w[1] : 16, &n);
      if ((i64)w[0] < 0 || n > 16) n = 0;
      w[1] = n;
      for (u64 i = 0; i < n; i++) w[2 + 3 * i] = pieces[i].address, w[3 + 3 * i] = pieces[i].length, w[4 + 3 * i] = pieces[i].write;
      return 2 + 3 * n;
    case OP_GIVE: w[0] = device_give(&device, w[1], w[2]); return 1;
    case OP_POKE: memory_at(w[1], w[2], &w[3]); return 0;
    case OP_PEEK: w[0] = memory_at(w[1], w[2], 0); return 1;
    case OP_START: start(w[1], w[2]); return 0;
    case OP_RECEIVE:
      w[0] = nic_receive(&nic, &frame);
      w[1] = w[0] ? frame.first : 0, w[2] = w[0] ? frame.count : 0, w[3] = w[0] ? frame.length : 0;
      return 4;
    case OP_RELEASE: nic_release(&nic, &frame); return 0;
    default: for (;;) ipc(RECEIVE, 0, -1ul);
  }
}

void main(const struct info *info) {
  begin(info);
  u64 words[MAX_WORDS] = { 0 }, n = 0, door = find("driver");
  for (;;) {
    for (u64 i = 0; i < n; i++) self.utcb->words[i] = words[i];
    if (call(self.utcb, door, NEXT, n) != OK) for (;;) ipc(RECEIVE, 0, -1ul);
    for (u64 i = 0; i < MAX_WORDS; i++) words[i] = self.utcb->words[i];
    n = act(words);
  }
}
