/* The protocol of the monitor between domains (scenarios/monitor.ts): letters of up to 400 bytes, from one domain to another. */
#pragma once
#include "gate.h"

enum { MAIL_SEND = 0x2220 /* to length bytes… */, MAIL_TAKE = 0x2221 /* → from length bytes… */ };
enum { MAIL_NOTHING = TIMEOUT, MAIL_REFUSED = BAD_RIGHTS, MAIL_MOST = 400 };

/* Sends a letter to domain number `to`. The kernel's status, the Unix server's -errno, or the monitor's own status. */
static inline i64 mail_send(struct gate *g, u64 to, const char *text) {
  u64 n = 0;
  u8 *bytes = (u8 *)&g->utcb->words[2];
  while (text[n] && n < MAIL_MOST) bytes[n] = text[n], n++;
  g->utcb->words[0] = to, g->utcb->words[1] = n;
  i64 status = (i64)call(g->utcb, g->selector, MAIL_SEND, 2 + (n + 7) / 8);
  return status == OK ? (i64)gate_label(g) : status;
}
/* Takes a letter: its sender, and its text (of 400 bytes and a 0). MAIL_NOTHING: there is none. */
static inline i64 mail_take(struct gate *g, u64 *from, char *text) {
  i64 status = gate_call(g, MAIL_TAKE, 0);
  if (status != OK || gate_label(g) != OK) return status != OK ? status : (i64)gate_label(g);
  u64 n = g->utcb->words[1];
  if (n > MAIL_MOST) n = MAIL_MOST;
  for (u64 i = 0; i < n; i++) text[i] = ((char *)&g->utcb->words[2])[i];
  text[n] = 0;
  *from = g->utcb->words[0];
  return OK;
}
