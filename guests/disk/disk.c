/*
 * A guest that reads one sector of a disk, and is told by an interrupt that it is there. Its virtio driver knows one queue with one request;
 * its handler claims the interrupt at the PLIC, acknowledges it at the device, and completes it.
 */
#include "say.h"

enum { SECTOR = 5, SIZE = 512, SOURCE = 1, QUEUE = 4, ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8, NEXT = 1, WRITE = 2,
  EXTERNAL = 1 << 9, ENABLED = 1 << 1 };
#define PLIC(offset) (*(volatile u32 *)(0xc000000UL + (offset)))
enum { PRIORITY = 4 * SOURCE, ENABLE = 0x2080, THRESHOLD = 0x201000, CLAIM = 0x201004 };
#define DEVICE(offset) (*(volatile u32 *)(0x10001000UL + (offset)))
enum { MAGIC = 0, DRIVER_FEATURES = 0x20, DRIVER_FEATURES_SELECT = 0x24, QUEUE_SIZE = 0x38, QUEUE_READY = 0x44, NOTIFY = 0x50,
  INTERRUPT = 0x60, INTERRUPT_ACK = 0x64, STATUS = 0x70, DESCRIPTORS = 0x80, AVAILABLE = 0x90, USED = 0xa0 };

struct descriptor { u64 address; u32 length; u16 flags, next; };
static struct descriptor descriptors[QUEUE] __attribute__((aligned(16)));
static struct { u16 flags, index, ring[QUEUE]; } available;
static volatile struct { u16 flags, index; struct { u32 id, length; } ring[QUEUE]; } used;
static struct { u32 type, reserved; u64 sector; } request = { 0, 0, SECTOR };
static u8 data[SIZE];
static volatile u8 status = 0xff;
static volatile int interrupts;

__attribute__((interrupt("supervisor"), aligned(4))) static void handler(void) {
  u32 source = PLIC(CLAIM);
  DEVICE(INTERRUPT_ACK) = DEVICE(INTERRUPT);
  PLIC(CLAIM) = source;
  interrupts++;
}

static void place(int where, const volatile void *what) {
  DEVICE(where) = (u32)(u64)what;
  DEVICE(where + 4) = (u64)what >> 32;
}
static void describe(int n, volatile void *what, u32 length, u16 flags) {
  descriptors[n] = (struct descriptor){ (u64)what, length, flags, n + 1 };
}

static void begin(void) {
  DEVICE(STATUS) = 0;
  DEVICE(STATUS) = ACKNOWLEDGE | DRIVER;
  DEVICE(DRIVER_FEATURES_SELECT) = 1;
  DEVICE(DRIVER_FEATURES) = 1; /* VIRTIO_F_VERSION_1 */
  DEVICE(STATUS) = ACKNOWLEDGE | DRIVER | FEATURES_OK;
  DEVICE(QUEUE_SIZE) = QUEUE;
  place(DESCRIPTORS, descriptors);
  place(AVAILABLE, &available);
  place(USED, &used);
  DEVICE(QUEUE_READY) = 1;
  DEVICE(STATUS) = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK;
  PLIC(PRIORITY) = 1;
  PLIC(ENABLE) = 1 << SOURCE;
  PLIC(THRESHOLD) = 0;
  __asm__ volatile("csrw stvec, %0\n\tcsrs sie, %1\n\tcsrs sstatus, %2" : : "r"(handler), "r"(EXTERNAL), "r"(ENABLED) : "memory");
}

void measure(void) {
  if (DEVICE(MAGIC) != 0x74726976) { text("disk: there is none"); say(); call(SRST, 0, 0, 1, 0); }
  begin();
  describe(0, &request, sizeof request, NEXT);
  describe(1, data, SIZE, NEXT | WRITE);
  describe(2, &status, 1, WRITE);
  available.ring[0] = 0;
  __asm__ volatile("fence w, w" : : : "memory");
  available.index = 1;
  __asm__ volatile("fence w, o" : : : "memory");
  DEVICE(NOTIFY) = 0; /* the guest goes on; the disk works */
  u64 rounds = 0;
  while (interrupts == 0) rounds++;
  text("disk: "); number(used.index); text(" request done with status "); number(status); text(": '");
  for (int i = 0; i < SIZE && data[i] >= ' '; i++) line[length++] = data[i];
  text(rounds > 0 ? "'; the guest counted meanwhile" : "'; the guest waited"); say();
  call(SRST, 0, 0, 0, 0);
}
