/* What both sides of a ring share. Given: your ring.c is compiled with this file, whatever yours says. */
#pragma once
#include "tessera-abi.h" /* u8, u32, u64 */
typedef unsigned short u16;

/* A virtqueue of the split kind, as the virtio specification has it (2.7). */
enum { FLAG_NEXT = 1, FLAG_WRITE = 2 };
struct descriptor { u64 address; u32 length; u16 flags, next; };
enum { NO_INTERRUPT = 1 };
struct available { u16 flags, idx, ring[]; };
struct used_element { u32 id, length; };
struct used { u16 flags, idx; struct used_element ring[]; };
struct queue { u16 size; struct descriptor *descriptors; struct available *available; struct used *used; };

/* A piece of memory that the device reads, or with `write` writes. */
struct piece { u64 address; u32 length; u32 write; };

/* The driver's side: the first descriptor of its free list and how many are in it; how many used elements it has seen. */
struct driver { struct queue q; u16 free, count, seen; };
void driver_reset(struct driver *d);
int driver_add(struct driver *d, const struct piece *pieces, u16 n);
int driver_done(struct driver *d, u32 *length);

/* The device's side: how many available chains it has seen. */
struct device { struct queue q; u16 seen; };
int device_take(struct device *d, struct piece *pieces, u16 most, u16 *n);
int device_give(struct device *d, u16 head, u32 written);

/* The receive ring of a network card. */
enum { DONE = 1, END = 2 };
struct receive { u64 address; u16 length, checksum; u8 status, errors; u16 special; };
enum { IDLE, COLLECT, DISCARD };
struct nic { struct receive *ring; u16 size; volatile u32 *head, *tail; u16 next, state; u16 first, count; u32 length; };
struct frame { u16 first, count; u32 length; };
void nic_start(struct nic *n, u64 buffers, u32 each);
int nic_receive(struct nic *n, struct frame *f);
void nic_release(struct nic *n, const struct frame *f);
