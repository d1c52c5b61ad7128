/*
 * Sessions that a Unix server lends to native tasks (l4guest/toolbox/protocol.ts): `tcp`, `udp`, `files`. Answers are statuses of the
 * kernel; from TOOLBOX_ERROR on, errors of Unix. DEAD: the server is gone; a scenario may start it again behind the same capability.
 */
#pragma once
#include "gate.h"

enum { TCP_CONNECT = 0x2400, TCP_SEND = 0x2401, TCP_RECEIVE = 0x2402, TCP_CLOSE = 0x2403 };
enum { UDP_OPEN = 0x2410, UDP_SEND = 0x2411, UDP_RECEIVE = 0x2412, UDP_CLOSE = 0x2413 };
enum { FILES_OPEN = 0x2420, FILES_READ = 0x2421, FILES_WRITE = 0x2422, FILES_CLOSE = 0x2423 };
enum { TOOLBOX_ERROR = 0x100, TOOLBOX_MOST = 400 };

static inline u64 ip4(u64 a, u64 b, u64 c, u64 d) { return a << 24 | b << 16 | c << 8 | d; }

/* Numbers and bytes; the status of the call, or the server's. */
static inline u64 toolbox_ask(struct gate *g, u64 label, u64 numbers, const u64 *words, const void *bytes, u64 n) {
  for (u64 i = 0; i < numbers; i++) g->utcb->words[i] = words[i];
  u64 all = numbers;
  if (bytes) {
    if (n > TOOLBOX_MOST) n = TOOLBOX_MOST;
    g->utcb->words[numbers] = n;
    for (u64 i = 0; i < n; i++) ((u8 *)&g->utcb->words[numbers + 1])[i] = ((const u8 *)bytes)[i];
    all += 1 + (n + 7) / 8;
  }
  u64 status = call(g->utcb, g->selector, label, all);
  return status == OK ? label_of(g->utcb) : status;
}
/* Copies the bytes of an answer, whose length stands in word `at`. */
static inline u64 toolbox_bytes(struct gate *g, u64 at, void *to, u64 most) {
  u64 n = g->utcb->words[at];
  if (n > most) n = most;
  for (u64 i = 0; i < n; i++) ((u8 *)to)[i] = ((u8 *)&g->utcb->words[at + 1])[i];
  return n;
}

static inline u64 tcp_connect(struct gate *g, u64 ip, u64 port, u64 *handle) {
  u64 words[] = {ip, port}, status = toolbox_ask(g, TCP_CONNECT, 2, words, 0, 0);
  *handle = g->utcb->words[0];
  return status;
}
static inline u64 tcp_send(struct gate *g, u64 handle, const void *bytes, u64 n) {
  for (u64 done = 0, status; done < n; done += g->utcb->words[0])
    if ((status = toolbox_ask(g, TCP_SEND, 1, &handle, (const u8 *)bytes + done, n - done)) != OK) return status;
  return OK;
}
/* `got` is 0 at the end of the stream. */
static inline u64 tcp_receive(struct gate *g, u64 handle, void *to, u64 most, u64 *got) {
  u64 words[] = {handle, most < TOOLBOX_MOST ? most : TOOLBOX_MOST}, status = toolbox_ask(g, TCP_RECEIVE, 2, words, 0, 0);
  *got = status == OK ? toolbox_bytes(g, 0, to, most) : 0;
  return status;
}
static inline u64 tcp_close(struct gate *g, u64 handle) { return toolbox_ask(g, TCP_CLOSE, 1, &handle, 0, 0); }

static inline u64 udp_open(struct gate *g, u64 port, u64 *handle) {
  u64 status = toolbox_ask(g, UDP_OPEN, 1, &port, 0, 0);
  *handle = g->utcb->words[0];
  return status;
}
static inline u64 udp_send(struct gate *g, u64 handle, u64 ip, u64 port, const void *bytes, u64 n) {
  u64 words[] = {handle, ip, port};
  return toolbox_ask(g, UDP_SEND, 3, words, bytes, n);
}
static inline u64 udp_receive(struct gate *g, u64 handle, u64 ms, void *to, u64 most, u64 *got) {
  u64 words[] = {handle, most < TOOLBOX_MOST ? most : TOOLBOX_MOST, ms}, status = toolbox_ask(g, UDP_RECEIVE, 3, words, 0, 0);
  *got = status == OK ? toolbox_bytes(g, 2, to, most) : 0;
  return status;
}

static inline u64 files_open(struct gate *g, const char *path, u64 flags, u64 *handle) {
  u64 n = 0;
  while (path[n]) n++;
  u64 status = toolbox_ask(g, FILES_OPEN, 1, &flags, path, n);
  *handle = g->utcb->words[0];
  return status;
}
static inline u64 files_read(struct gate *g, u64 handle, u64 offset, void *to, u64 most, u64 *got) {
  u64 words[] = {handle, offset, most < TOOLBOX_MOST ? most : TOOLBOX_MOST}, status = toolbox_ask(g, FILES_READ, 3, words, 0, 0);
  *got = status == OK ? toolbox_bytes(g, 0, to, most) : 0;
  return status;
}
static inline u64 files_write(struct gate *g, u64 handle, u64 offset, const void *bytes, u64 n) {
  u64 words[] = {handle, offset};
  return toolbox_ask(g, FILES_WRITE, 2, words, bytes, n);
}
static inline u64 files_close(struct gate *g, u64 handle) { return toolbox_ask(g, FILES_CLOSE, 1, &handle, 0, 0); }
