/* Both sides of a virtio ring, and the receive ring of a network card. README.md says what each function does. */
#include "ring.h"

void driver_reset(struct driver *d) {
  d->free = 0;
  d->count = d->q.size;
  d->seen = 0;
}

int driver_add(struct driver *d, const struct piece *pieces, u16 n) {
  (void)d, (void)pieces, (void)n;
  return -1;
}

int driver_done(struct driver *d, u32 *length) {
  (void)d, (void)length;
  return -1;
}

int device_take(struct device *d, struct piece *pieces, u16 most, u16 *n) {
  (void)d, (void)pieces, (void)most, (void)n;
  return -1;
}

int device_give(struct device *d, u16 head, u32 written) {
  (void)d, (void)head, (void)written;
  return 0;
}

void nic_start(struct nic *n, u64 buffers, u32 each) { (void)n, (void)buffers, (void)each; }

int nic_receive(struct nic *n, struct frame *f) {
  (void)n, (void)f;
  return 0;
}

void nic_release(struct nic *n, const struct frame *f) { (void)n, (void)f; }
