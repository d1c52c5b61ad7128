#include "ring.h"

/* ---- the driver's side ---------------------------------------------------------------------------------------- */

void driver_reset(struct driver *d) {
  for (u16 i = 0; i < d->q.size; i++) d->q.descriptors[i].next = i + 1;
  d->free = 0;
  d->count = d->q.size;
  d->seen = 0;
  d->q.available->flags = 0;
  d->q.available->idx = 0;
}

int driver_add(struct driver *d, const struct piece *pieces, u16 n) {
  if (n == 0 || n > d->count) return -1;
  u16 head = d->free, at = head;
  for (u16 i = 0; i < n; i++) {
    struct descriptor *t = &d->q.descriptors[at];
    t->address = pieces[i].address;
    t->length = pieces[i].length;
    t->flags = (pieces[i].write ? FLAG_WRITE : 0) | (i + 1 < n ? FLAG_NEXT : 0);
    at = t->next;
  }
  d->free = at;
  d->count -= n;
  struct available *a = d->q.available;
  a->ring[a->idx % d->q.size] = head;
  __asm__ volatile("fence w, w" ::: "memory");
  a->idx++;
  return head;
}

int driver_done(struct driver *d, u32 *length) {
  struct used *u = d->q.used;
  if (u->idx == d->seen) return -1;
  __asm__ volatile("fence r, r" ::: "memory");
  struct used_element e = u->ring[d->seen % d->q.size];
  d->seen++;
  if (e.id >= d->q.size) return -2;
  u16 n = 1, last = e.id;
  while (d->q.descriptors[last].flags & FLAG_NEXT) last = d->q.descriptors[last].next, n++;
  d->q.descriptors[last].next = d->free;
  d->free = e.id;
  d->count += n;
  *length = e.length;
  return e.id;
}

/* ---- the device's side ---------------------------------------------------------------------------------------- */

int device_take(struct device *d, struct piece *pieces, u16 most, u16 *n) {
  struct available *a = d->q.available;
  if (a->idx == d->seen) return -1;
  __asm__ volatile("fence r, r" ::: "memory");
  u16 head = a->ring[d->seen % d->q.size], at = head, count = 0, writes = 0;
  d->seen++;
  for (;;) {
    if (at >= d->q.size || count == d->q.size || count == most) return -2;
    struct descriptor t = d->q.descriptors[at];
    u16 write = (t.flags & FLAG_WRITE) != 0;
    if (writes && !write) return -2;
    writes = write;
    pieces[count++] = (struct piece){ t.address, t.length, write };
    if (!(t.flags & FLAG_NEXT)) break;
    at = t.next;
  }
  *n = count;
  return head;
}

int device_give(struct device *d, u16 head, u32 written) {
  struct used *u = d->q.used;
  u->ring[u->idx % d->q.size] = (struct used_element){ head, written };
  __asm__ volatile("fence w, w" ::: "memory");
  u->idx++;
  return !(d->q.available->flags & NO_INTERRUPT);
}

/* ---- the receive ring of a card ------------------------------------------------------------------------------- */

void nic_start(struct nic *n, u64 buffers, u32 each) {
  for (u16 i = 0; i < n->size; i++) n->ring[i] = (struct receive){ .address = buffers + (u64)i * each };
  n->next = 0;
  n->state = IDLE;
  *n->head = 0;
  *n->tail = n->size - 1;
}

static void give_back(struct nic *n, u16 first, u16 count) {
  for (u16 i = 0; i < count; i++) {
    u16 at = (first + i) % n->size;
    n->ring[at].status = 0;
    n->ring[at].errors = 0;
    *n->tail = at;
  }
}

int nic_receive(struct nic *n, struct frame *f) {
  for (;;) {
    struct receive *r = &n->ring[n->next];
    if (!(r->status & DONE)) return 0;
    u16 at = n->next;
    n->next = (n->next + 1) % n->size;
    if (n->state == IDLE) n->first = at, n->count = 0, n->length = 0, n->state = COLLECT;
    n->count++;
    n->length += r->length;
    if (r->errors) n->state = DISCARD;
    if (!(r->status & END)) continue;
    if (n->state == COLLECT) {
      n->state = IDLE;
      *f = (struct frame){ n->first, n->count, n->length };
      return 1;
    }
    n->state = IDLE;
    give_back(n, n->first, n->count);
  }
}

void nic_release(struct nic *n, const struct frame *f) { give_back(n, f->first, f->count); }
